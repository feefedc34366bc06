/** Chat templates that write pairs of texts for a reranker, and those that cannot. */
import { cp, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import t, { type Test } from 'tap';
import { classify } from '#api/encoding/classify.js';
import { inputLimit } from '#api/encoding/inputs.js';
import { loadEncoder } from '#registry/load-encoder.js';
import { loadPairTemplate } from '#registry/pair-template.js';
import type { PairTemplate } from '#registry/types.js';
import { Environment } from '#runtime/index.js';
import { loadTokenizer } from '#text/tokenizer.js';

const FIXTURE = fileURLToPath(new URL('../../../test/fixtures/sentence/reranker/', import.meta.url));
const environment = new Environment({ logLevel: 'fatal' });
const caller = { client: '', signal: new AbortController().signal };

async function copied(t: Test): Promise<string> {
  const folder = path.join(t.testdir(), 'reranker');
  await cp(FIXTURE, folder, { recursive: true });
  return folder;
}

async function load(folder: string, template: string | undefined): Promise<PairTemplate> {
  const file = path.join(folder, 'chat_template.jinja');
  if (template === undefined) await rm(file);
  else await writeFile(file, template);
  return loadPairTemplate(folder, await loadTokenizer(folder), { generationPrompt: true, variables: {} });
}

t.test('what a template writes, and how it ends', async t => {
  const template =
    '{% for m in messages %}{{ m.role }} : {{ m.content }} {% endfor %}{% if add_generation_prompt %}the snow{% endif %}';
  const folder = await copied(t);
  const tokenizer = await loadTokenizer(folder);
  const pairs = await load(folder, template);
  const pair = { text: 'fox', pair: 'dog' };
  t.equal(await pairs.write(pair, '', caller), 'query : fox document : dog the snow');
  t.equal(await pairs.write(pair, 'rain', caller), 'system : rain query : fox document : dog the snow');
  t.equal(await pairs.write({ text: 'fox' }, '', caller), 'user : fox the snow');
  // The tokenizer knows no numbers: of the fillers, too, the last token is the same.
  const end = tokenizer.encode('0 the snow', { addSpecialTokens: false });
  t.strictSame(await pairs.end(true, '', caller), end);
  t.strictSame(await pairs.end(false, 'rain', caller), end);
});

t.test('templates that leave out a text, or refuse pairs', async t => {
  const folder = await copied(t);
  const [query, document] = ['query', 'document'].map(
    role => `{% for m in messages if m.role == '${role}' %}{{ m.content }}{% endfor %}`,
  ) as [string, string];
  for (const [template, message] of [
    [document, /leaves out what the role 'query' says/],
    [query, /leaves out what the role 'document' says/],
    ["{{ raise_exception('users only') }}", /takes no pairs of texts: .*users only/],
    [undefined, /there is none/],
  ] as const)
    await t.rejects(load(folder, template), { code: 'unsupported_model', message });
});

t.test('what is too long is refused, or loses its middle', async t => {
  const folder = await copied(t);
  const model = await loadEncoder(environment, folder, { session: { intraOpThreads: 1 } });
  t.teardown(() => model.close());
  const long = { param: 'texts[0]', text: 'snow', pair: 'a dog runs in the rain. '.repeat(5) };
  await t.rejects(classify(model, [long], inputLimit({}, model), caller), {
    code: 'context_length_exceeded',
  });
  const limit = inputLimit({ truncate: true }, model);
  const score = async (pair: string): Promise<number> =>
    (await classify(model, [{ ...long, pair }], limit, caller)).logits[0]![0]!;
  t.equal(await score(long.pair), await score(`${long.pair} fox`), 'what is behind the cut is not read');
  t.not(await score(long.pair), await score(`fox ${long.pair}`));
});

t.test('a token beyond the vocabulary', async t => {
  const folder = await copied(t);
  await writeFile(path.join(folder, '1_LogitScore', 'config.json'), JSON.stringify({ true_token_id: 17 }));
  await t.rejects(loadEncoder(environment, folder, { session: { intraOpThreads: 1 } }), {
    code: 'invalid_model',
    message: /token 17, of a vocabulary of 17/,
  });
});
