import fc from 'fast-check';
import t from 'tap';
import { Registry } from '#registry/registry.js';
import { fakeEncoderModel } from '#test/support/fake-encoder-service.js';
import { startServer } from '#test/support/http-server.js';
import { runs } from '#test/support/property-runs.js';

const labels = ['O', 'B-PER', 'I-PER', 'B-LOC'];
const models = [
  fakeEncoderModel('embedding', { tokenWidth: 4 }),
  fakeEncoderModel('sequence-classification', { labels, activation: 'softmax' }),
  fakeEncoderModel('sequence-classification', { id: 'cross-encoder', width: 1, labels: ['LABEL_0'] }),
  fakeEncoderModel('token-classification', { labels, activation: 'softmax' }),
  fakeEncoderModel('fill-mask'),
  fakeEncoderModel('question-answering'),
];
const { app } = await startServer(t, { registry: new Registry(models) });

const truncation = { truncate: true, truncate_prompt_tokens: 4, truncation_direction: 'left' };

/** Bodies that are right, with every field that the endpoint has. */
const BODIES: Record<string, object> = {
  '/v1/embeddings': {
    input: ['a', 'the'],
    encoding_format: 'base64',
    embed_dtype: 'float16',
    endianness: 'big',
    add_special_tokens: false,
    use_activation: true,
    prompt: 'a',
    prompt_name: '',
    truncation_side: 'left',
    dimensions: 2,
    normalize: true,
    user: 'me',
    ...truncation,
  },
  '/v1/classify': { input: ['a', { text: 'a', text_pair: 'b' }], top_k: 2, raw_scores: true, ...truncation },
  '/v1/rerank': {
    query: 'q',
    documents: ['a', { text: 'b' }],
    top_n: 1,
    return_documents: true,
    raw_scores: false,
    ...truncation,
  },
  '/v1/score': { text_1: 'q', text_2: ['a', 'b'], raw_scores: true, ...truncation },
  '/v1/token-classification': {
    input: 'a Tokenizer',
    aggregation_strategy: 'average',
    ignore_labels: ['O'],
    ...truncation,
  },
  '/v1/fill-mask': { input: 'a [MASK]', top_k: 3, targets: ['a', 'the'], ...truncation },
  '/v1/question-answering': {
    question: 'q',
    context: 'a b c',
    top_k: 2,
    max_answer_len: 3,
    handle_impossible_answer: true,
    align_to_words: false,
    max_seq_len: 6,
    doc_stride: 1,
  },
  '/v1/tokenize': { prompt: 'a b', add_special_tokens: true, return_token_strs: true },
  '/v1/detokenize': { tokens: [2, 3], skip_special_tokens: true },
  '/embed': { inputs: ['a', [5]], normalize: true, dimensions: 1, prompt_name: null, truncate: true },
  '/embed_all': { inputs: ['a', [5]], prompt_name: null, truncate: true },
  '/embed_sparse': { inputs: ['a', [5]], truncate: true },
  '/predict': { inputs: [['a'], ['a', 'b']], raw_scores: true, truncation_direction: 'Left' },
  '/rerank': { query: 'q', texts: ['a', 'b'], raw_scores: true, return_text: true, truncate: true },
  '/similarity': { inputs: { source_sentence: 'a', sentences: ['b'] }, parameters: { truncate: true } },
  '/tokenize': { inputs: ['a'], add_special_tokens: false },
  '/decode': { ids: [[2, 3]], skip_special_tokens: false },
};

const value = fc.oneof(
  fc.constantFrom<unknown>(
    ...[null, true, false, 0, 1, -1, 2, 0.5, 1e308, '', 'a', '😀', '\ud83d', '[MASK]', 'a '.repeat(50)],
    ...[[], {}, [[]], [0, 1], ['a', 'b'], [['a', 'b']], [[5], 'a'], [1e9], { text: 'a' }, [{ text: 5 }]],
    ...['left', 'none', 'float', 'nobody', models.map(({ id }) => id)],
  ),
  fc.constantFrom(...models.map(({ id }) => id)),
  fc.integer({ min: -200, max: 200 }),
  fc.jsonValue({ maxDepth: 3 }),
);

async function inject(path: string, body: unknown): Promise<{ statusCode: number; payload: string }> {
  return app.inject({
    method: 'POST',
    url: path,
    headers: { 'content-type': 'application/json' },
    payload: JSON.stringify(body),
  });
}

for (const [path, body] of Object.entries(BODIES)) {
  t.test(path, async t => {
    const right = await inject(path, body);
    t.equal(right.statusCode, 200, right.payload);

    const fields = fc.constantFrom('model', ...Object.keys(body));
    const bodies = fc
      .dictionary(fields, fc.option(value, { nil: undefined }), { maxKeys: 4 })
      .map(mutations => ({ ...body, ...mutations }));
    await fc.assert(
      fc.asyncProperty(
        fc.oneof({ weight: 9, arbitrary: bodies }, { weight: 1, arbitrary: fc.jsonValue() }),
        async mutated => {
          const { statusCode, payload } = await inject(path, mutated);
          if (statusCode === 200) return true;
          const { error, code } = JSON.parse(payload) as { error: unknown; code?: unknown };
          const { message, code: inner } = Object(error) as { message?: unknown; code?: unknown };
          return (
            statusCode >= 400 &&
            statusCode < 500 &&
            (message ?? error) !== '' &&
            typeof (path.startsWith('/v1') ? inner : code) === 'string'
          );
        },
      ),
      runs(100),
    );
    t.ok(models.every(({ encoder }) => encoder.running === 0));
  });
}
