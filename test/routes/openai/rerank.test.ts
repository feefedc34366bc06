import t from 'tap';
import { Registry } from '#registry/registry.js';
import { fakeEncoderModel } from '#test/support/fake-encoder-service.js';
import { startServer } from '#test/support/http-server.js';
import { jsonClient } from '#test/support/json-client.js';

const embedder = fakeEncoderModel('embedding');
const crossEncoder = fakeEncoderModel('sequence-classification', {
  id: 'cross-encoder',
  width: 1,
  labels: ['LABEL_0'],
});
const registry = new Registry([
  embedder,
  fakeEncoderModel('sequence-classification', { id: 'two-labels', width: 2 }),
  crossEncoder,
]);
const { url } = await startServer(t, { registry });
const post = jsonClient(url);
t.beforeEach(() => [embedder, crossEncoder].forEach(({ encoder }) => encoder.reset()));

interface Answer {
  model: string;
  results: { index: number; relevance_score: number; document?: { text: string } }[];
  data: { index: number; object: string; score: number }[];
  usage: object;
  error: { code: string; param: string; message: string };
}

const rerank = async (fields: object): Promise<Answer> =>
  (await post<Answer>('/v1/rerank', { query: 'q', documents: ['a', 'b', 'c'], ...fields })).body;
const score = async (fields: object): Promise<Answer> =>
  (await post<Answer>('/v1/score', { text_1: 'q', text_2: ['a', 'b'], ...fields })).body;

/** The texts that a model read, without special tokens. */
const read = ({ encoder, tokenizer }: typeof embedder): string[] =>
  encoder.inputs.map(({ ids }) => tokenizer.decode(ids));

/** Logits by the last text's letter: a is 0, b log 3, c -log 3. */
const byLetter = ({ ids }: { readonly ids: readonly number[] }): number[] => [
  [0, Math.log(3), -Math.log(3)][ids.at(-2)! - embedder.tokenizer.id('a')!]!,
];

t.test('a cross-encoder reads each document with the query', async t => {
  crossEncoder.encoder.script = byLetter;
  const answer = await rerank({});
  t.match(answer, { id: /^rerank-/, model: 'cross-encoder' }, 'it is preferred to an embedder');
  t.strictSame(answer.usage, { prompt_tokens: 15, total_tokens: 15 });
  t.strictSame(
    answer.results.map(({ index, relevance_score, document }) => [
      index,
      relevance_score.toFixed(4),
      document,
    ]),
    [
      [1, '0.7500', { text: 'b' }],
      [0, '0.5000', { text: 'a' }],
      [2, '0.2500', { text: 'c' }],
    ],
  );
  t.strictSame(read(crossEncoder), ['q a', 'q b', 'q c']);
  t.match((await rerank({ raw_scores: true })).results[2]!.relevance_score.toFixed(4), '-1.0986');
});

t.test('documents in objects, the best few, without their texts', async t => {
  crossEncoder.encoder.script = byLetter;
  const { results } = await rerank({
    documents: [{ text: 'a', title: 'x' }, 'b', { text: 'c' }],
    top_n: 2,
    return_documents: false,
  });
  t.strictSame(results, [
    { index: 1, relevance_score: results[0]!.relevance_score },
    { index: 0, relevance_score: 0.5 },
  ]);
  t.equal((await rerank({ top_n: 10 })).results.length, 3);
  t.equal((await rerank({ top_n: 0 })).results.length, 3, '0 is all, as in vLLM');
});

t.test('an embedder compares directions', async t => {
  const vectors: Record<string, number[]> = {
    q: [2, 0, 0, 0],
    a: [0, 1, 0, 0],
    b: [-3, 0, 0, 0],
    c: [1, 1, 0, 0],
  };
  embedder.encoder.script = ({ ids }) => vectors[embedder.tokenizer.decode(ids)]!;
  const { results, usage } = await rerank({ model: 'embedding' });
  t.strictSame(
    results.map(({ index, relevance_score }) => [index, relevance_score.toFixed(4)]),
    [
      [2, '0.7071'],
      [0, '0.0000'],
      [1, '-1.0000'],
    ],
  );
  t.strictSame(read(embedder), ['q', 'a', 'b', 'c'], 'the query is read once');
  t.strictSame(usage, { prompt_tokens: 12, total_tokens: 12 });
});

t.test('rerank: what is refused', async t => {
  t.match((await rerank({ model: 'two-labels' })).error, { code: 'model_not_found', param: 'model' });
  t.match((await rerank({ documents: [] })).error, { param: 'documents' });
  t.match((await rerank({ documents: ['a', 5] })).error, { param: 'documents[1]' });
  t.match((await rerank({ documents: ['a', {}] })).error, { message: /^documents\[1\] must have one of/ });
  t.match((await rerank({ query: undefined })).error, { message: 'query is required' });
  t.match((await rerank({ top_n: -1 })).error, { param: 'top_n' });
  const long = 'a '.repeat(40);
  t.match((await rerank({ documents: ['a', long] })).error, {
    code: 'context_length_exceeded',
    param: 'documents[1]',
  });
  t.equal((await rerank({ documents: ['a', long], truncate: true })).results.length, 2);
});

t.test('score: one text with many, or pairs', async t => {
  crossEncoder.encoder.script = byLetter;
  const answer = await score({});
  t.match(answer, { id: /^score-/, object: 'list', model: 'cross-encoder' });
  t.strictSame(
    answer.data.map(({ index, object, score }) => [index, object, score.toFixed(4)]),
    [
      [0, 'score', '0.5000'],
      [1, 'score', '0.7500'],
    ],
  );
  await score({ text_1: ['x', 'y'] });
  await score({ text_1: 'x', text_2: 'c' });
  t.strictSame(read(crossEncoder).slice(2), ['x a', 'y b', 'x c']);
  t.match((await score({ text_1: ['x', 'y'], text_2: ['a', 'b', 'c'] })).error, {
    param: 'text_2',
    message: /^text_2 must have as many items as text_1, which has 2$/,
  });
  t.match((await score({ text_1: ['x', 'y'], text_2: 'a' })).error, { param: 'text_2' });
});

t.test('score: embeddings of pairs', async t => {
  embedder.encoder.script = ({ ids }) => [ids[1]! % 2, 1, 0, 0];
  const { data } = await score({ model: 'embedding', text_1: ['a', 'b'], text_2: ['c', 'c'] });
  t.strictSame(
    data.map(({ score }) => score.toFixed(4)),
    ['1.0000', '0.7071'],
  );
  t.strictSame(read(embedder), ['a', 'b', 'c', 'c']);
});

t.test('score: the other names of the texts', async t => {
  crossEncoder.encoder.script = byLetter;
  const scores = async (fields: object): Promise<number[]> =>
    (await post<Answer>('/v1/score', fields)).body.data.map(({ score }) => score);
  const expected = await scores({ text_1: 'q', text_2: ['a', 'b'] });
  t.strictSame(await scores({ queries: 'q', documents: ['a', 'b'] }), expected);
  t.strictSame(await scores({ queries: ['q', 'q'], documents: ['a', 'b'] }), expected);
  t.strictSame(await scores({ queries: 'q', items: ['a', 'b'] }), expected);
  t.strictSame(await scores({ data_1: 'q', data_2: ['a', 'b'], text_1: null }), expected);
  for (const [fields, param, message] of [
    [{}, 'text_1', /^text_1 is required$/],
    [{ text_1: 'q' }, 'text_2', /^text_2 is required$/],
    [{ queries: 'q' }, 'documents', /^documents is required$/],
    [{ documents: 'q' }, 'queries', /^queries is required$/],
    [{ data_2: 'q' }, 'data_1', /^data_1 is required$/],
    [
      { text_1: 'q', text_2: 'a', queries: 'q' },
      'queries',
      /^queries cannot stand beside text_1 and text_2$/,
    ],
    [{ queries: ['a', 'b'], documents: ['c'] }, 'documents', /as many items as queries, which has 2$/],
  ] as const)
    t.match((await post<Answer>('/v1/score', fields)).body.error, { param, message }, JSON.stringify(fields));
});

t.test("vLLM's and Cohere's fields", async t => {
  crossEncoder.encoder.script = byLetter;
  const raw = await score({ raw_scores: true });
  t.strictSame((await score({ use_activation: false })).data, raw.data);
  t.match((await rerank({ use_activation: false })).results[2]!.relevance_score.toFixed(4), '-1.0986');
  crossEncoder.encoder.reset();
  t.match((await score({ add_special_tokens: false, text_2: 'a' })).usage, { total_tokens: 2 });
  t.match((await rerank({ max_tokens_per_doc: 5 })).error, { param: 'max_tokens_per_doc' });
  t.match((await rerank({ rank_fields: ['title'] })).error, { param: 'rank_fields' });
});
