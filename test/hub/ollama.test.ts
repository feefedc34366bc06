import path from 'node:path';
import t from 'tap';
import { isOllama, ollamaModel, ollamaName } from '#hub/ollama.js';

const DIGEST = `sha256:${'0a'.repeat(32)}`;
const MODEL = { mediaType: 'application/vnd.ollama.image.model', digest: DIGEST };
const TEMPLATE = { mediaType: 'application/vnd.ollama.image.template', digest: 'sha256:1' };
const ADAPTER = { mediaType: 'application/vnd.ollama.image.adapter', digest: DIGEST };

const manifest = (...layers: object[]): string => JSON.stringify({ schemaVersion: 2, layers });

t.test('the blob that a manifest names', async t => {
  const models = t.testdir({
    manifests: {
      'registry.ollama.ai': {
        library: {
          qwen3: { latest: manifest(TEMPLATE, MODEL), '0.6b': manifest(MODEL) },
          tuned: { latest: manifest(MODEL, ADAPTER) },
          broken: { latest: '{', none: '{}', odd: manifest({ ...MODEL, digest: 'sha256:../../x' }) },
        },
        someone: { model: { v1: manifest(MODEL) } },
      },
      'hf.co': { owner: { 'name-GGUF': { Q4_K_M: manifest(MODEL) } } },
    },
  });
  const find = (name: string): Promise<string> => ollamaModel(`ollama:${name}`, models);
  const blob = path.join(models, 'blobs', DIGEST.replace(':', '-'));
  for (const name of ['qwen3', 'qwen3:0.6b', 'someone/model:v1', 'hf.co/owner/name-GGUF:Q4_K_M'])
    t.equal(await find(name), blob, name);
  const rejected = async (name: string, code: string, message: RegExp): Promise<void> =>
    void (await t.rejects(find(name), { code, message }, name));
  await rejected('qwen3:8b', 'model_not_found', /Ollama has no qwen3:8b: .*'ollama pull qwen3:8b'/);
  await rejected('tuned', 'unsupported_model', /adapter/);
  await rejected('broken', 'invalid_model', /not valid JSON/);
  await rejected('broken:none', 'invalid_model', /names no model/);
  await rejected('broken:odd', 'invalid_model', /names no model/);
  for (const name of ['', '../x', 'a/b/c/d', 'a:b:c', 'a..b', '/etc', 'a/../b'])
    await rejected(name, 'invalid_configuration', /no model of Ollama/);
});

t.test('names', async t => {
  t.ok(isOllama('ollama:qwen3'));
  t.notOk(isOllama('./ollama/qwen3'));
  t.equal(ollamaName('ollama:qwen3:0.6b'), 'qwen3:0.6b');
});
