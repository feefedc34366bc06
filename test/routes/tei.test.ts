import t from 'tap';
import { KvasirError } from '#errors.js';
import { Registry } from '#registry/registry.js';
import { fakeEncoderModel } from '#test/support/fake-encoder-service.js';
import { eventually, fakeModel, startServer } from '#test/support/http-server.js';
import { jsonClient } from '#test/support/json-client.js';

const embedder = fakeEncoderModel('embedding');
const classifier = fakeEncoderModel('sequence-classification', {
  id: 'classifier',
  width: 2,
  labels: ['sad', 'glad'],
  activation: 'softmax',
});
const reranker = fakeEncoderModel('sequence-classification', {
  id: 'reranker',
  width: 1,
  labels: ['LABEL_0'],
  activation: 'sigmoid',
});
const registry = new Registry([fakeModel('letters'), classifier, embedder, reranker]);
const { url } = await startServer(t, { registry });
const post = jsonClient(url);
t.beforeEach(() => [embedder, classifier, reranker].forEach(({ encoder }) => encoder.reset()));

/** The texts that a model read, without special tokens. */
const read = ({ encoder, tokenizer }: typeof embedder): string[] =>
  encoder.inputs.map(({ ids }) => tokenizer.decode(ids));

t.test('/embed: bare lists in and out', async t => {
  embedder.encoder.script = ({ ids }) => [3 * ids.length, 4 * ids.length, 0, 0];
  const embed = async (body: object): Promise<number[][]> => (await post<number[][]>('/embed', body)).body;
  const unit = [0.6, 0.8, 0, 0].map(Math.fround);
  t.strictSame(await embed({ inputs: 'a' }), [unit]);
  t.strictSame(await embed({ inputs: ['a', 'the'] }), [unit, unit]);
  t.strictSame(await embed({ inputs: 'a', normalize: false }), [[9, 12, 0, 0]]);
  t.strictSame(await embed({ inputs: [5, 6], normalize: false }), [[6, 8, 0, 0]]);
  t.strictSame(await embed({ inputs: [[5, 6], 'a'], normalize: false, dimensions: 1 }), [[6], [9]]);
});

t.test('/embed: truncation', async t => {
  const inputs = `a b ${'c '.repeat(40)}d`;
  t.match(await post('/embed', { inputs: ['a', inputs] }), {
    status: 422,
    body: {
      error: /^inputs\[1\] has 45 tokens, expected at most 32/,
      error_type: 'Validation',
      code: 'context_length_exceeded',
    },
  });
  await post('/embed', { inputs, truncate: true });
  await post('/embed', { inputs, truncate: true, truncation_direction: 'Left' });
  t.match(read(embedder), [/^a b c.*c$/, /^c.*c d$/]);
  t.ok(embedder.encoder.inputs.every(({ ids }) => ids.length === 32));
});

t.test('/embed_all', async t => {
  const tokens = fakeEncoderModel('embedding', { id: 'tokens', width: 2, tokenWidth: 2 });
  const server = await startServer(t, { registry: new Registry([tokens, classifier, embedder]) });
  const ask = jsonClient(server.url);
  tokens.encoder.script = ({ ids }) => ids.flatMap((_, i) => [i, 0.5]);
  t.strictSame((await ask('/embed_all', { inputs: 'a' })).body, [
    [
      [0, 0.5],
      [1, 0.5],
      [2, 0.5],
    ],
  ]);
  t.strictSame((await ask('/embed_all', { inputs: [[5], 'a'], truncate: true })).body, [
    [[0, 0.5]],
    [
      [0, 0.5],
      [1, 0.5],
      [2, 0.5],
    ],
  ]);
  t.ok(tokens.encoder.inputs.every(({ everyToken }) => everyToken));
  t.match(await ask('/embed_all', { inputs: 'a '.repeat(40) }), { status: 422 });
  t.match(await ask('/embed_all', { inputs: '' }), { status: 400, body: { error_type: 'Empty' } });
  t.match(await ask('/embed_all', { model: 'classifier', inputs: 'a' }), { status: 404 });
  t.match(await ask('/embed_all', { model: 'embedding', inputs: 'a' }), { body: { error: /single tokens/ } });
  const wide = fakeEncoderModel('embedding', { tokenWidth: 2 ** 20 });
  const other = await startServer(t, { registry: new Registry([wide]) });
  t.match(await jsonClient(other.url)('/embed_all', { inputs: 'a b c' }), {
    body: { error: /^inputs has 5 tokens together; the vectors of at most 4 are given at once/ },
  });
});

t.test('/embed_sparse', async t => {
  const masks = fakeEncoderModel('fill-mask');
  const server = await startServer(t, { registry: new Registry([embedder, masks]) });
  const ask = jsonClient(server.url);
  masks.encoder.script = ({ ids, positions }) =>
    positions!.flatMap(position => {
      const logits = new Array<number>(masks.width).fill(-1);
      logits[ids[position]!] = position + 1;
      return logits;
    });
  const [cls, a, sep] = masks.tokenizer.encode('a') as [number, number, number];
  const value = (logit: number): number => Math.fround(Math.log1p(logit));
  const byIndex = [
    { index: cls, value: value(1) },
    { index: sep, value: value(3) },
    { index: a, value: value(2) },
  ].sort((x, y) => x.index - y.index);
  t.strictSame((await ask('/embed_sparse', { inputs: 'a' })).body, [byIndex]);
  t.strictSame((await ask('/embed_sparse', { inputs: [[5], 'a'] })).body, [
    [{ index: 5, value: value(1) }],
    byIndex,
  ]);
  t.strictSame((await ask('/', { model: 'fill-mask', inputs: 'a' })).body, [byIndex]);
  t.match(await ask('/embed_sparse', { inputs: 'a '.repeat(40) }), { status: 422 });
  t.match(await ask('/embed_sparse', { inputs: 'a', prompt_name: 'x' }), { status: 400 });
  t.match(await ask('/embed_sparse', { model: 'embedding', inputs: 'a' }), {
    status: 404,
    body: { code: 'model_not_found' },
  });
});

t.test('/predict: a text, a pair, or a batch of them', async t => {
  classifier.encoder.script = ({ ids }) => [0, ids.length === 3 ? Math.log(3) : -Math.log(3)];
  const glad = [
    { score: 0.75, label: 'glad' },
    { score: 0.25, label: 'sad' },
  ];
  const predict = async (body: object): Promise<unknown> =>
    JSON.parse(
      JSON.stringify((await post('/predict', body)).body, (_, value: unknown) =>
        typeof value === 'number' ? Number(value.toFixed(6)) : value,
      ),
    );
  const sad = [
    { score: 0.75, label: 'sad' },
    { score: 0.25, label: 'glad' },
  ];
  t.strictSame(await predict({ inputs: 'a' }), glad);
  t.strictSame(await predict({ inputs: ['a'] }), glad);
  t.strictSame(await predict({ inputs: ['a', 'b'] }), sad, 'a list of two is a pair');
  t.strictSame(await predict({ inputs: [['a'], ['a', 'b']] }), [glad, sad]);
  t.strictSame(await predict({ inputs: 'a', raw_scores: true }), [
    { score: 1.098612, label: 'glad' },
    { score: 0, label: 'sad' },
  ]);
  t.strictSame(read(classifier), ['a', 'a', 'a b', 'a', 'a b', 'a']);
  t.match(await post('/predict', { inputs: ['a', 'b', 'c'] }), { status: 400 });
  t.match(await predict({ model: 'reranker', inputs: [['a', 'b']] }), [[{ label: 'LABEL_0' }]]);
});

t.test('/rerank', async t => {
  reranker.encoder.script = ({ ids }) => [ids.at(-2) === embedder.tokenizer.id('b') ? 1 : 0];
  const rerank = async (fields: object): Promise<unknown> =>
    (await post('/rerank', { query: 'q', texts: ['a', 'b'], ...fields })).body;
  t.match(await rerank({}), [
    { index: 1, score: /^0\.731/ },
    { index: 0, score: 0.5 },
  ]);
  t.strictSame(await rerank({ raw_scores: true, return_text: true }), [
    { index: 1, text: 'b', score: 1 },
    { index: 0, text: 'a', score: 0 },
  ]);
  t.match(await post('/rerank', { query: 'q', texts: [] }), { status: 400 });
});

t.test('/similarity', async t => {
  embedder.encoder.script = ({ ids }) => [ids[1] === embedder.tokenizer.id('b') ? -2 : 5, 0, 0, 0];
  const inputs = { source_sentence: 'q', sentences: ['a', 'b'] };
  t.strictSame((await post('/similarity', { inputs })).body, [1, -1]);
  const long = { ...inputs, sentences: ['a '.repeat(40)] };
  t.match(await post('/similarity', { inputs: long, parameters: null }), {
    status: 422,
    body: { error: /^inputs\.sentences\[0\] has 42 tokens/ },
  });
  t.strictSame((await post('/similarity', { inputs: long, parameters: { truncate: true } })).body, [1]);
});

t.test('/tokenize and /decode', async t => {
  const model = 'embedding';
  const id = (token: string): number | undefined => embedder.tokenizer.id(token);
  const special = (name: string): object => ({
    id: id(name),
    text: name,
    special: true,
    start: null,
    stop: null,
  });
  const tokens = [
    { id: id('token'), text: 'Token', special: false, start: 2, stop: 7 },
    { id: id('##ize'), text: 'ize', special: false, start: 7, stop: 10 },
  ];
  t.strictSame((await post('/tokenize', { model, inputs: 'é Tokenize'.slice(2) })).body, [
    [
      special('[CLS]'),
      ...tokens.map(token => ({ ...token, start: token.start - 2, stop: token.stop - 2 })),
      special('[SEP]'),
    ],
  ]);
  const [plain] = (
    await post<object[][]>('/tokenize', { model, inputs: ['😀 Tokenize'], add_special_tokens: false })
  ).body;
  t.strictSame(plain!.slice(1), tokens, 'places count characters');
  t.strictSame((await post('/decode', { model, ids: [2, 69, 70, 3] })).body, ['tokenize']);
  t.strictSame((await post('/decode', { model, ids: [[69], [2, 69]], skip_special_tokens: false })).body, [
    'token',
    '[CLS] token',
  ]);
  t.strictSame((await post('/decode', { ids: [0, 1] })).body, ['ab'], 'by default the first model');
});

t.test('/info', async t => {
  const info = async (query = ''): Promise<object> =>
    (await (await fetch(`${url}/info${query}`)).json()) as object;
  t.match(await info(), {
    model_id: 'classifier',
    model_type: { classifier: { id2label: { '0': 'sad', '1': 'glad' }, label2id: { sad: 0, glad: 1 } } },
    max_input_length: 32,
    max_client_batch_size: 2048,
    auto_truncate: false,
  });
  t.match(await info('?model=embedding'), { model_id: 'embedding', model_type: { embedding: {} } });
  t.match(await info('?model=reranker'), { model_type: { reranker: {} } });
  t.match(await info('?model=letters'), { model_id: 'letters', model_type: {}, max_input_length: 64 });
  t.match(await info('?model=nobody'), { error: /"nobody"/, code: 'model_not_found' });
});

t.test("errors have TEI's shape", async t => {
  t.match(await post('/embed', {}), {
    status: 400,
    body: { error: 'inputs is required', error_type: 'Validation', code: 'invalid_request' },
  });
  t.match(await post('/embed', { inputs: 'a', prompt_name: 'query' }), {
    status: 400,
    body: { error: /prompt_name is not supported/ },
  });
  t.match(await post('/embed', { model: 'classifier', inputs: 'a' }), {
    status: 404,
    body: { error: 'the model "classifier" cannot embed texts', code: 'model_not_found' },
  });
  for (const [code, status, type] of [
    ['queue_full', 429, 'Overloaded'],
    ['shutting_down', 503, 'Unhealthy'],
    ['runtime_failure', 500, 'Backend'],
  ] as const) {
    embedder.encoder.failure = new KvasirError(code, '/secret');
    const { status: actual, body } = await post<{ error: string }>('/embed', { inputs: 'a' });
    t.match({ actual, body }, { actual: status, body: { error_type: type, code } });
    if (status === 500) t.notMatch(body.error, /secret/);
  }
  const response = await fetch(`${url}/embed`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: '{"inputs',
  });
  t.equal(response.status, 400);
  t.match(await response.json(), { error: String, error_type: 'Validation' });
});

t.test("what is too long, too many, empty or unreadable has TEI's status and type", async t => {
  const model = 'embedding';
  const cases: [path: string, body: object, status: number, type: string, error: RegExp][] = [
    ['/embed', { inputs: 'a '.repeat(40) }, 422, 'Validation', /^inputs has 42 tokens/],
    ['/predict', { inputs: [['a', 'b '.repeat(40)]] }, 422, 'Validation', /^inputs\[0\] has/],
    ['/rerank', { query: 'a', texts: ['b', 'b '.repeat(40)] }, 422, 'Validation', /^texts\[1\] has/],
    ['/embed', { inputs: 'a', dimensions: 5 }, 400, 'Validation', /^dimensions/],
    ['/embed', { inputs: Array(2049).fill('a') }, 413, 'Validation', /^inputs must have at most 2048 items/],
    ['/predict', { inputs: Array(2049).fill(['a']) }, 413, 'Validation', /^inputs must have at most 2048/],
    ['/rerank', { query: 'q', texts: Array(2049).fill('a') }, 413, 'Validation', /^texts must have at most/],
    ['/tokenize', { inputs: Array(2049).fill('a') }, 413, 'Validation', /^inputs must have at most/],
    ['/embed', { inputs: [] }, 400, 'Empty', /^inputs cannot be empty/],
    ['/embed', { inputs: '' }, 400, 'Empty', /^inputs cannot be empty/],
    ['/embed', { inputs: ['a', ''] }, 400, 'Empty', /^inputs\[1\] cannot be empty/],
    ['/embed', { inputs: [[]] }, 400, 'Empty', /^inputs\[0\] cannot be empty/],
    ['/predict', { inputs: [['a'], ['', '']] }, 400, 'Empty', /^inputs\[1\] cannot be empty/],
    ['/rerank', { query: 'q', texts: [] }, 400, 'Empty', /^texts cannot be empty/],
    ['/similarity', { inputs: { source_sentence: 'a', sentences: [] } }, 400, 'Empty', /sentences cannot/],
    ['/similarity', { inputs: { source_sentence: '', sentences: ['a'] } }, 400, 'Empty', /source_sentence/],
    ['/tokenize', { inputs: '' }, 400, 'Empty', /^inputs cannot be empty/],
    ['/decode', { ids: [] }, 400, 'Empty', /^ids cannot be empty/],
    ['/embed', { inputs: [5, 1000], model }, 422, 'Tokenizer', /^inputs has the token id 1000/],
    ['/embed', { inputs: 5 }, 400, 'Validation', /^inputs must be/],
    ['/embed', { inputs: 'a', normalize: 5 }, 400, 'Validation', /^normalize must be/],
  ];
  for (const [path, body, status, error_type, error] of cases) {
    const name = `${path} ${JSON.stringify(body).slice(0, 60)}`;
    t.match(await post(path, body), { status, body: { error, error_type, code: String } }, name);
  }
  t.match(await post('/predict', { inputs: ['', 'a'] }), { status: 200 }, 'a pair with one text');
});

t.test('a client that leaves takes its inputs back', async t => {
  const { encoder } = embedder;
  encoder.until = new Promise(() => undefined);
  const controller = new AbortController();
  const answer = post('/embed', { inputs: ['a', 'b'] }, controller.signal);
  await eventually(() => encoder.running === 1);
  controller.abort();
  await t.rejects(answer, { name: 'AbortError' });
  await eventually(() => encoder.running === 0);
  t.equal(encoder.cancelled, 1);
});
