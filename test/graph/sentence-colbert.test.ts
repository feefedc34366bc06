/** What folders of PyLate and of ColBERT's own code say of queries and documents, and what is refused. */
import t from 'tap';
import { readPylate, readStanford } from '#graph/sentence-colbert.js';
import { f32, safetensors } from '#test/support/safetensors.js';

const json = JSON.stringify;
const PUNCTUATION = '!"#$%&\'()*+,-./:;<=>?@[\\]^_`{|}~';

t.test('defaults of PyLate, and what its folders say', async t => {
  const read = (fields: object) =>
    readPylate(t.testdir({ 'config_sentence_transformers.json': json(fields) }));
  t.equal(await readPylate(t.testdir({})), undefined);
  t.equal(await read({ model_type: 'SentenceTransformer', prompts: {} }), undefined);
  const defaults = {
    queryLength: 32,
    documentLength: 180,
    expansion: { length: 32, isFixed: true, isSeen: false, token: undefined },
    skipped: [...PUNCTUATION],
    skips: { query: false, document: true },
    markers: { query: '[Q] ', document: '[D] ' },
  };
  t.strictSame(await read({ model_type: 'ColBERT' }), defaults);
  t.match(await read({ query_prefix: '', document_prefix: 'd', query_length: 48, skiplist_words: [] }), {
    queryLength: 48,
    expansion: { length: 48 },
    skipped: [],
    markers: { query: '', document: 'd' },
  });
  const unexpanded = await read({ model_type: 'ColBERT', do_query_expansion: false });
  t.equal(unexpanded!.expansion, undefined);
  t.equal(unexpanded!.queryLength, 32);
  const seen = await read({ model_type: 'ColBERT', attend_to_expansion_tokens: true });
  t.equal(seen!.expansion!.isSeen, true);
  await t.rejects(read({ model_type: 'ColBERT', query_length: -1 }), { code: 'invalid_model' });
});

t.test("defaults of ColBERT's own code, and what is refused", async t => {
  const weights = safetensors({ 'linear.weight': f32([2, 3], [1, 2, 3, 4, 5, 6]) });
  const folder = (metadata: object | undefined, others: Record<string, string | Buffer> = {}): string =>
    t.testdir({
      'config.json': json({ model_type: 'bert', architectures: ['HF_ColBERT'] }),
      'model.safetensors': weights,
      ...(metadata && { 'artifact.metadata': json(metadata) }),
      ...others,
    });
  const plain = { 'config.json': json({ model_type: 'bert', architectures: ['BertModel'] }) };
  t.equal(await readStanford(folder(undefined, plain)), undefined);
  t.strictSame(await readStanford(folder(undefined)), {
    layers: [
      { kind: 'dense', folder: '', inputs: 3, outputs: 2, bias: false, activation: 'linear' },
      { kind: 'normalize' },
    ],
    multiVector: {
      queryLength: 32,
      documentLength: 220,
      expansion: { length: 32, isFixed: true, isSeen: false, token: undefined },
      skipped: [...PUNCTUATION],
      skips: { query: false, document: true },
      markers: { query: '[unused0]', document: '[unused1]' },
    },
  });
  const said = { query_maxlen: 9, doc_maxlen: 12, mask_punctuation: false, query_token_id: '[Q]' };
  t.match(await readStanford(folder(said)), {
    multiVector: { queryLength: 9, documentLength: 12, skipped: [], markers: { query: '[Q]' } },
  });
  for (const [metadata, message] of [
    [{ similarity: 'l2' }, /similarity is 'l2'/],
    [{ interaction: 'flipr' }, /interaction is 'flipr'/],
  ] as const)
    await t.rejects(readStanford(folder(metadata)), { code: 'unsupported_model', message });
  const bare = { 'model.safetensors': safetensors({ 'linear.weight': f32([2], [1, 2]) }) };
  await t.rejects(readStanford(folder(undefined, bare)), {
    code: 'invalid_model',
    message: /without its projection, a matrix 'linear\.weight'/,
  });
});
