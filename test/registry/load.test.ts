import { mkdtemp, rm, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t from 'tap';
import { loadModel, type ModelOptions } from '#registry/load.js';
import { Registry } from '#registry/registry.js';
import { Environment, PROCESSOR, type Device } from '#runtime/index.js';
import { writeModel } from '#test/support/check-decoder.js';
import { LLAMA, llamaShapes } from '#test/support/llama-model.js';
import { randomTensors } from '#test/support/random-tensors.js';
import type { TestTensors } from '#test/support/safetensors.js';
import { BYTE_LEVEL } from '#test/support/tiny-tokenizers.js';
import { linearGraph } from '#test/support/raw-models.js';
import { randomLlama } from '#test/support/random-llama.js';

const environment = new Environment();

t.test('loads a folder under its own name or another', async t => {
  const folder = await randomLlama(t);
  const model = await loadModel(environment, folder, { slots: 2, contextLength: 50 });
  const named = await loadModel(environment, folder, { id: 'other', slots: 1 });
  const registry = new Registry([model, named]);
  t.teardown(() => registry.close());
  t.match(model, {
    card: { task: 'text-generation' },
    id: 'tiny-llama',
    contextLength: 50,
    bosId: 0,
    eosIds: new Set([1]),
  });
  t.equal(registry.entry('other').model, named);
  t.strictSame(registry.loaded(), [model, named]);
  t.throws(() => registry.entry('absent'), { code: 'model_not_found', message: /tiny-llama, other/ });
});

t.test('says what is wrong with a folder', async t => {
  const sound = await randomLlama(t);
  const refuses = (folder: string, code: string, message: RegExp, options = {}): Promise<unknown> =>
    t.rejects(loadModel(environment, folder, { slots: 1, ...options }), { code, message });

  const empty = await mkdtemp(join(tmpdir(), 'kvasir-'));
  t.teardown(() => rm(empty, { recursive: true }));
  await refuses(empty, 'invalid_model', /config\.json/);
  await refuses(join(empty, 'nowhere'), 'invalid_model', /there is no folder .*nowhere/);

  const withoutTokenizer = await randomLlama(t);
  await rm(join(withoutTokenizer, 'tokenizer.json'));
  await refuses(withoutTokenizer, 'invalid_model', /tokenizer\.json is missing/);

  const truncated = await randomLlama(t);
  await truncate(join(truncated, 'model.safetensors'), 5000);
  await refuses(truncated, 'invalid_model', /model\.safetensors.*cut off/);

  const incomplete = await randomLlama(t);
  await writeFile(join(incomplete, 'config.json'), '{"model_type": "llama", "hidden_size": 48}');
  await refuses(incomplete, 'invalid_model', /num_attention_heads is missing/);

  await refuses(sound, 'invalid_configuration', /500 tokens.*96/, { contextLength: 500 });
  await refuses(sound, 'invalid_configuration', /cannot hold one sequence/, { cacheBytes: 1000 });
});

t.test('weights that no layer reads are warned of', async t => {
  const warnings: string[] = [];
  const load = async (config: object, tensors: TestTensors): Promise<void> => {
    const folder = t.testdir();
    await writeModel(folder, { config: { ...LLAMA, ...config }, tensors });
    await writeFile(join(folder, 'tokenizer.json'), JSON.stringify(BYTE_LEVEL));
    const onWarning = (warning: string): void => void warnings.push(warning);
    await (await loadModel(environment, folder, { slots: 1, onWarning })).close();
  };
  const untied = { ...LLAMA, tie_word_embeddings: false };
  const tensors = randomTensors(llamaShapes(untied));
  await load(untied, tensors);
  t.strictSame(warnings, []);
  await load(untied, { ...tensors, ...randomTensors({ 'model.layers.0.self_attn.q_norm.weight': [8] }) });
  t.match(warnings, [/^1 tensor of the weights is read by no layer: model\.layers\.\*\.self_attn\.q_norm/]);
  warnings.length = 0;
  const embedding = tensors['model.embed_tokens.weight']!;
  await load({ tie_word_embeddings: true }, { ...tensors, 'lm_head.weight': embedding });
  t.strictSame(warnings, [], 'the same matrix, stored twice');
  await load({ tie_word_embeddings: true }, tensors);
  t.match(warnings, [/read by no layer: lm_head\.weight/]);
});

t.test('raw graphs run on the processor, whatever generators run on', async t => {
  const folder = t.testdir();
  await linearGraph().save(join(folder, 'model.onnx'));
  const device: Device = {
    ...PROCESSOR,
    name: 'unusable',
    addTo: () => t.fail('a session was opened on it'),
  };
  const model = await loadModel(environment, folder, { slots: 1, session: { device } });
  t.teardown(() => model.close());
  t.match(model, {
    card: { task: 'raw-tensors' },
    device: 'cpu',
    path: { kind: 'ready-made', precision: 'f32' },
  });
});

t.test('two models of one name are refused', async t => {
  const folder = await randomLlama(t);
  const model = await loadModel(environment, folder, { slots: 1 });
  t.teardown(() => model.close());
  t.throws(() => new Registry([model, model]), { code: 'invalid_configuration' });
});

t.test('a cache without a size of its own takes its share, but holds one sequence at least', async t => {
  const folder = await randomLlama(t);
  const [slots, context, perToken] = [4, 96, 512];
  const capacity = async (options: Partial<ModelOptions>): Promise<number | undefined> => {
    const model = await loadModel(environment, folder, { slots, ...options });
    const cacheCapacity = model.stats().engine?.cacheCapacity;
    await model.close();
    return cacheCapacity;
  };
  t.equal(await capacity({}), slots * context);
  t.equal(await capacity({ cacheShare: 10 ** 12 }), slots * context);
  t.equal(await capacity({ cacheShare: 200 * perToken + 1 }), 200);
  t.equal(await capacity({ cacheShare: 0 }), context);
  t.equal(await capacity({ cacheShare: 0, cacheBytes: 300 * perToken }), 300, 'a setting comes first');
});
