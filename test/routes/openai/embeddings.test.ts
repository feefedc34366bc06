import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import fc from 'fast-check';
import OpenAI from 'openai';
import t from 'tap';
import { KvasirError } from '#errors.js';
import { formatEmbedding } from '#routes/openai/embeddings/embedding-format.js';
import { Registry } from '#registry/registry.js';
import { fakeEncoderModel } from '#test/support/fake-encoder-service.js';
import { eventually, fakeModel, startServer } from '#test/support/http-server.js';
import { jsonClient } from '#test/support/json-client.js';
import { runs } from '#test/support/property-runs.js';

const model = fakeEncoderModel('embedding');
const { encoder } = model;
const registry = new Registry([
  fakeModel('letters'),
  fakeEncoderModel('sequence-classification'),
  model,
  fakeEncoderModel('embedding', { id: 'second', width: 3 }),
]);
const { app, url, port } = await startServer(t, { registry });
const post = jsonClient(url);
const client = new OpenAI({ baseURL: `${url}/v1`, apiKey: 'none', maxRetries: 0 });
t.beforeEach(() => encoder.reset());

interface Answer {
  data: { object: string; index: number; embedding: number[] | string }[];
  usage: Record<string, number>;
  model: string;
  error: { message: string; type: string; param: string | null; code: string | null };
}

const embed = async (fields: object): Promise<Answer> =>
  (await post<Answer>('/v1/embeddings', { input: 'a', ...fields })).body;

const length = (vector: readonly number[]): number => Math.hypot(...vector);

t.test('the openai client, which asks for base64, and for floats', async t => {
  const input = ['the token', 'a'];
  const byDefault = await client.embeddings.create({ model: 'embedding', input });
  const floats = await client.embeddings.create({ model: 'embedding', input, encoding_format: 'float' });
  t.match(byDefault, {
    object: 'list',
    model: 'embedding',
    data: [
      { object: 'embedding', index: 0 },
      { object: 'embedding', index: 1 },
    ],
    usage: { prompt_tokens: 7, total_tokens: 7 },
  });
  t.same(byDefault.data, floats.data, 'they are the same numbers');
  t.equal(byDefault.data[0]!.embedding.length, 4);
  t.not(byDefault.data[0]!.embedding[0], byDefault.data[1]!.embedding[0]);

  const base64 = await client.embeddings.create({ model: 'embedding', input, encoding_format: 'base64' });
  const bytes = Buffer.from(base64.data[0]!.embedding as unknown as string, 'base64');
  t.strictSame(
    Array.from({ length: 4 }, (_, i) => bytes.readFloatLE(4 * i)),
    floats.data[0]!.embedding,
  );
});

t.test('the openai client: errors', async t => {
  const create = (fields: object): Promise<unknown> =>
    client.embeddings.create({ model: 'embedding', input: 'a', ...fields });
  await t.rejects(create({ model: 'nobody' }), { status: 404, code: 'model_not_found', param: 'model' });
  await t.rejects(create({ input: 'a '.repeat(31) }), {
    status: 400,
    code: 'context_length_exceeded',
    param: 'input',
  });
});

t.test('base64 equals float, for any numbers', async t => {
  const property = fc.property(fc.float32Array({ noNaN: true }), vector => {
    const bytes = Buffer.from(formatEmbedding(vector, 'base64') as string, 'base64');
    const numbers = formatEmbedding(vector, 'float') as number[];
    return (
      bytes.length === 4 * vector.length &&
      numbers.every((value, i) => Object.is(bytes.readFloatLE(4 * i), value))
    );
  });
  fc.assert(property, runs(100));
  t.equal(formatEmbedding(Float32Array.of(1, -2), 'base64'), 'AACAPwAAAMA=', 'little-endian');
});

t.test('number formats and orders of bytes', async t => {
  encoder.script = () => [1, -2, 0.5, 3];
  const base64 = async (fields: object): Promise<Buffer> => {
    const { data } = await embed({ normalize: false, encoding_format: 'base64', ...fields });
    return Buffer.from(data[0]!.embedding as string, 'base64');
  };
  const little = await base64({});
  t.strictSame(
    [0, 1, 2, 3].map(i => little.readFloatLE(4 * i)),
    [1, -2, 0.5, 3],
  );
  const big = await base64({ endianness: 'big' });
  t.strictSame(
    [0, 1, 2, 3].map(i => big.readFloatBE(4 * i)),
    [1, -2, 0.5, 3],
  );
  t.equal((await base64({ embed_dtype: 'float16' })).toString('hex'), '003c00c000380042');
  t.equal((await base64({ embed_dtype: 'bfloat16', endianness: 'big' })).toString('hex'), '3f80c0003f004040');
  t.equal((await base64({ endianness: 'native', embed_dtype: null })).length, 16);
  const floats = { normalize: false, embed_dtype: 'float16', endianness: 'big' };
  t.strictSame((await embed(floats)).data[0]!.embedding, [1, -2, 0.5, 3], 'numbers stay numbers');
});

t.test('raw bytes, and their description', async t => {
  encoder.script = ({ ids }) => [ids.length, 0, 0, 0];
  const bytes = async (fields: object): Promise<Response> =>
    fetch(`${url}/v1/embeddings`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ input: ['a', 'a b'], normalize: false, ...fields }),
    });
  const described = await bytes({ encoding_format: 'bytes', embed_dtype: 'float16', endianness: 'big' });
  t.equal(described.headers.get('content-type'), 'application/octet-stream');
  t.match(JSON.parse(described.headers.get('metadata')!), {
    id: /^embd-/,
    created: Number,
    model: 'embedding',
    data: [
      { index: 0, embed_dtype: 'float16', endianness: 'big', start: 0, end: 8, shape: [4] },
      { index: 1, embed_dtype: 'float16', endianness: 'big', start: 8, end: 16, shape: [4] },
    ],
    usage: { prompt_tokens: 7, total_tokens: 7 },
  });
  const whole = Buffer.from(await described.arrayBuffer());
  t.equal(whole.toString('hex'), '42000000000000004400000000000000');
  const only = await bytes({ encoding_format: 'bytes_only' });
  t.equal(only.headers.get('metadata'), null);
  t.equal(Buffer.from(await only.arrayBuffer()).readFloatLE(16), 4);
  const many = await bytes({ encoding_format: 'bytes', input: Array(200).fill('a') });
  t.equal(many.status, 400);
  t.match(await many.json(), { error: { param: 'encoding_format', message: /bytes_only/ } });
});

t.test('special tokens, the side that is cut, and the other name of normalize', async t => {
  const read = async (fields: object): Promise<unknown[]> => {
    encoder.inputs.length = 0;
    await embed(fields);
    return encoder.inputs.map(({ ids }) => ids.map(id => model.tokenizer.token(id)).join(' '));
  };
  t.strictSame(await read({ input: 'a b' }), ['[CLS] a b [SEP]']);
  t.strictSame(await read({ input: 'a b', add_special_tokens: false }), ['a b']);
  t.strictSame(await read({ input: 'a b c d', add_special_tokens: false, truncate_prompt_tokens: 2 }), [
    'a b',
  ]);
  const left = { input: 'a b c d', truncate_prompt_tokens: 3, truncation_side: 'left' };
  t.strictSame(await read(left), ['[CLS] d [SEP]']);
  t.match((await embed({ input: '', add_special_tokens: false })).error, { message: /^input has no tokens/ });
  encoder.script = () => [3, 0, -4, 0];
  t.strictSame((await embed({ use_activation: false })).data[0]!.embedding, [3, 0, -4, 0]);
  const both = await embed({ use_activation: false, normalize: true });
  t.strictSame(both.data[0]!.embedding, [0.6, 0, -0.8, 0].map(Math.fround));
});

t.test('inputs: texts and ids, alone and in lists', async t => {
  for (const [input, ids] of [
    ['the', [[2, 69, 3]]],
    [
      ['the', ''],
      [
        [2, 69, 3],
        [2, 3],
      ],
    ],
    [[4, 5], [[4, 5]]],
    [
      [[4, 5], [6]],
      [[4, 5], [6]],
    ],
    [
      ['the', [4, 5]],
      [
        [2, 69, 3],
        [4, 5],
      ],
    ],
    [
      [[4, 5], 'the'],
      [
        [4, 5],
        [2, 69, 3],
      ],
    ],
  ] as const) {
    encoder.inputs.length = 0;
    const { data, usage } = await embed({ input });
    const expected = ids.map(list => list.map(id => (id === 69 ? model.tokenizer.id('the')! : id)));
    t.strictSame(
      encoder.inputs.map(input => input.ids),
      expected,
    );
    t.equal(data.length, ids.length);
    t.equal(usage.prompt_tokens, ids.flat().length);
    t.strictSame(encoder.calls.splice(0), [ids.length], 'all in one call');
  }
});

t.test('unit length, unless not wanted', async t => {
  encoder.script = () => [3, 0, -4, 0];
  t.strictSame((await embed({})).data[0]!.embedding, [0.6, 0, -0.8, 0].map(Math.fround));
  t.strictSame((await embed({ normalize: null })).data[0]!.embedding, [0.6, 0, -0.8, 0].map(Math.fround));
  t.strictSame((await embed({ normalize: false })).data[0]!.embedding, [3, 0, -4, 0]);
});

t.test('dimensions: the first ones, scaled anew', async t => {
  encoder.script = () => [3, 4, 12, 84];
  t.strictSame((await embed({ dimensions: 2 })).data[0]!.embedding, [0.6, 0.8].map(Math.fround));
  t.strictSame((await embed({ dimensions: 2, normalize: false })).data[0]!.embedding, [3, 4]);
  t.strictSame((await embed({ dimensions: 4, normalize: false })).data[0]!.embedding, [3, 4, 12, 84]);
  const base64 = (await embed({ dimensions: 3, encoding_format: 'base64' })).data[0]!.embedding as string;
  t.equal(Buffer.from(base64, 'base64').length, 12);
  t.ok(Math.abs(length((await embed({ dimensions: 3 })).data[0]!.embedding as number[]) - 1) < 1e-6);
});

t.test('the model: named, or the first that can', async t => {
  t.equal((await embed({})).model, 'embedding');
  t.equal((await embed({ model: null })).model, 'embedding');
  const second = await embed({ model: 'second' });
  t.equal(second.model, 'second');
  t.equal((second.data[0]!.embedding as number[]).length, 3);
  for (const name of ['letters', 'sequence-classification']) {
    t.match(await embed({ model: name }), {
      error: { code: 'model_not_found', param: 'model', message: `the model "${name}" cannot embed texts` },
    });
  }
  const bare = await startServer(t);
  t.match(await jsonClient(bare.url)('/v1/embeddings', { input: 'a' }), {
    status: 404,
    body: { error: { code: 'model_not_found', message: 'no model is served here that can embed texts' } },
  });
});

t.test('long inputs: refused, or cut as the request says, and counted as they were read', async t => {
  const input = ['a', 'b c '.repeat(16)];
  t.match((await embed({ input })).error, {
    code: 'context_length_exceeded',
    param: 'input[1]',
    message: /^input\[1\] has 34 tokens, expected at most 32/,
    n_prompt_tokens: 34,
    n_ctx: 32,
  });
  t.equal(encoder.inputs.length, 0);
  t.strictSame((await embed({ input, truncate: true })).usage, { prompt_tokens: 35, total_tokens: 35 });
  t.equal((await embed({ input, truncate_prompt_tokens: 4 })).usage.prompt_tokens, 7);
  await embed({ input: 'a b c d', truncate_prompt_tokens: 4, truncation_direction: 'left' });
  t.strictSame(
    encoder.inputs.at(-1)!.ids.map(id => model.tokenizer.token(id)),
    ['[CLS]', 'c', 'd', '[SEP]'],
  );
});

t.test('what is refused, and how', async t => {
  const cases: [fields: object, param: string | null, message: RegExp][] = [
    [{ input: undefined }, 'input', /^input is required$/],
    [{ input: null }, 'input', /^input is required/],
    [
      { input: 5 },
      'input',
      /^input must be a string, a list of strings, a list of token ids, a text or picture/,
    ],
    [{ input: [] }, 'input', /^input must have at least 1 item$/],
    [{ input: [[]] }, 'input[0]', /^input\[0\] must have at least 1 item$/],
    [{ input: ['a', 5] }, 'input', /^input must be/],
    [{ input: ['a', [-1]] }, 'input[1][0]', /^input\[1\]\[0\] must be >= 0$/],
    [{ input: [-1] }, 'input[0]', /^input\[0\] must be >= 0$/],
    [{ input: [5, 1000] }, 'input', /^input has the token id 1000, expected ids from 0 to/],
    [{ input: Array(2049).fill('a') }, 'input', /^input must have at most 2048 items$/],
    [{ dimensions: 0 }, 'dimensions', /^dimensions must be >= 1$/],
    [{ dimensions: 5 }, 'dimensions', /^dimensions must be <= 4, the width/],
    [
      { encoding_format: 'hex' },
      'encoding_format',
      /^encoding_format must be one of "float", "base64", "bytes", "bytes_only", null$/,
    ],
    [{ truncate_prompt_tokens: 33 }, 'truncate_prompt_tokens', /from 1 to 32/],
    [{ truncate_prompt_tokens: -2 }, 'truncate_prompt_tokens', />= -1$/],
    [{ truncation_direction: 'up' }, 'truncation_direction', /^truncation_direction must be one of/],
    [
      { embed_dtype: 'fp8_e4m3' },
      'embed_dtype',
      /^embed_dtype must be one of "float32", "float16", "bfloat16"/,
    ],
    [{ endianness: 'middle' }, 'endianness', /^endianness must be one of/],
    [{ add_special_tokens: 'no' }, 'add_special_tokens', /^add_special_tokens must be a boolean or null$/],
    [{ truncation_side: 'up' }, 'truncation_side', /^truncation_side must be one of/],
    [{ messages: [{}] }, 'messages', /^messages cannot stand beside input/],
    [{ truncate: 'yes' }, 'truncate', /^truncate must be a boolean or null$/],
  ];
  for (const [fields, param, message] of cases) {
    const { status, body } = await post<Answer>('/v1/embeddings', { input: 'a', ...fields });
    const name = JSON.stringify(fields).slice(0, 60);
    t.equal(status, 400, name);
    t.match(body.error, { param, message, type: 'invalid_request_error' }, name);
  }
});

t.test('a server that cuts what is too long, unless a request says otherwise', async t => {
  const cutting = fakeEncoderModel('embedding', { autoTruncate: true });
  const server = await startServer(t, { registry: new Registry([cutting]) });
  const ask = jsonClient(server.url);
  const input = 'a '.repeat(40);
  t.match(await ask('/v1/embeddings', { input }), { status: 200, body: { usage: { prompt_tokens: 32 } } });
  t.match(await ask('/v1/embeddings', { input, truncate: false }), { status: 400 });
  t.match(await ask('/embed', { inputs: input }), { status: 200 });
  t.match(await (await fetch(`${server.url}/info`)).json(), { auto_truncate: true });
});

t.test('failures of the encoder', async t => {
  encoder.failure = new KvasirError('queue_full', 'full');
  t.match(await post('/v1/embeddings', { input: 'a' }), {
    status: 429,
    body: { error: { code: 'queue_full', type: 'rate_limit_error' } },
  });
  encoder.failure = new KvasirError('runtime_failure', '/secret');
  const { status, body } = await post('/v1/embeddings', { input: 'a' });
  t.equal(status, 500);
  t.notMatch(JSON.stringify(body), /secret/);
});

t.test('a client that leaves takes its inputs back', async t => {
  encoder.until = new Promise(() => undefined);
  const accepted = once(app.server, 'connection');
  const socket = connect(port, '127.0.0.1');
  const body = JSON.stringify({ input: ['a', 'b'] });
  socket.write(
    `POST /v1/embeddings HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: ${body.length}\r\n\r\n${body}`,
  );
  const [serverSide] = (await accepted) as [Socket];
  await eventually(() => encoder.running === 1);
  socket.destroy();
  await once(serverSide, 'close');
  await eventually(() => encoder.running === 0);
  t.equal(encoder.cancelled, 1);
});
