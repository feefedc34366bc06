import path from 'node:path';
import fc from 'fast-check';
import t from 'tap';
import { Registry } from '#registry/registry.js';
import { fakeEncoderModel } from '#test/support/fake-encoder-service.js';
import { fakeModel, startServer } from '#test/support/http-server.js';
import { jsonClient } from '#test/support/json-client.js';
import { DATATYPES, echoGraph, linearGraph, rawModel, WEIGHTS } from '#test/support/raw-models.js';
import { runs } from '#test/support/property-runs.js';

const folder = t.testdir();
const embedder = fakeEncoderModel('embedding');
const tagger = fakeEncoderModel('token-classification');
const reader = fakeEncoderModel('question-answering');
let loads = 0;
const registry = new Registry([
  await rawModel(path.join(folder, 'echo'), echoGraph()),
  {
    id: 'linear',
    aliases: ['owner/linear'],
    load: async () => {
      loads++;
      return rawModel(path.join(folder, 'linear'), linearGraph());
    },
  },
  fakeModel('writer'),
  embedder,
  tagger,
  reader,
]);
const { url } = await startServer(t, { registry });
const post = jsonClient(url);

interface Output {
  name: string;
  datatype: string;
  shape: number[];
  data?: unknown[];
  parameters?: { binary_data_size: number };
}
interface Answer {
  model_name: string;
  model_version: string;
  id?: string;
  outputs: Output[];
  error?: string;
}

const get = async (address: string): Promise<{ status: number; body: unknown }> => {
  const response = await fetch(url + address);
  return { status: response.status, body: await response.json() };
};

/** Sends JSON and the bytes behind it. */
async function binary(
  model: string,
  head: unknown,
  bytes: Uint8Array,
  length?: number | string,
): Promise<{ status: number; head: Answer; text: string; rest: Buffer }> {
  const text = Buffer.from(typeof head === 'string' ? head : JSON.stringify(head));
  const response = await fetch(`${url}/v2/models/${model}/infer`, {
    method: 'POST',
    headers: {
      'content-type': 'application/octet-stream',
      'Inference-Header-Content-Length': String(length ?? text.length),
    },
    body: Buffer.concat([text, bytes]),
  });
  const all = Buffer.from(await response.arrayBuffer());
  const stated = response.headers.get('inference-header-content-length');
  const end = stated === null ? all.length : Number(stated);
  const json = all.toString('utf8', 0, end);
  return {
    status: response.status,
    head: JSON.parse(json) as Answer,
    text: json,
    rest: all.subarray(end),
  };
}

t.test('what there is', async t => {
  t.match(await get('/v2'), {
    status: 200,
    body: { name: 'kvasir', version: /^\d+\.\d+\.\d+/, extensions: ['binary_tensor_data'] },
  });
  t.strictSame(await get('/v2/health/live'), { status: 200, body: { live: true } });
  t.strictSame(await get('/v2/health/ready'), { status: 200, body: { ready: true } });
  for (const version of ['', '/versions/1']) {
    t.strictSame(await get(`/v2/models/owner%2Flinear${version}/ready`), {
      status: 200,
      body: { name: 'owner/linear', ready: true },
    });
    t.strictSame(await get(`/v2/models/linear${version}`), {
      status: 200,
      body: {
        name: 'linear',
        versions: ['1'],
        platform: 'onnxruntime_onnx',
        inputs: [
          { name: 'x', datatype: 'FP32', shape: [-1, 2] },
          { name: 'index', datatype: 'INT64', shape: [] },
        ],
        outputs: [
          { name: 'y', datatype: 'FP32', shape: [-1, 3] },
          { name: 'row', datatype: 'FP32', shape: [3] },
        ],
      },
    });
  }
  t.equal(loads, 1, 'to describe it, a model is loaded');
  t.match(await get('/v2/models/writer'), { status: 200, body: { inputs: [], outputs: [] } });
  t.match(await get('/v2/models/token-classification'), {
    body: { outputs: [{ name: 'logits', datatype: 'FP32', shape: [-1, -1, 4] }] },
  });
  t.match(await get('/v1/models'), { body: { data: [{ id: 'echo', task: 'raw-tensors' }] } });
});

t.test('what there is not', async t => {
  t.strictSame(await get('/v2/models/nobody'), {
    status: 404,
    body: {
      error:
        'the model "nobody" is not served here; there are: echo, linear, owner/linear, writer, embedding, token-classification, question-answering',
    },
  });
  for (const address of [
    '/v2/models/nobody/ready',
    '/v2/models/echo/versions/2',
    '/v2/models/echo/versions/2/ready',
  ])
    t.match(await get(address), { status: 404, body: { error: String } }, address);
  for (const address of ['/v2/models/nobody/infer', '/v2/models/echo/versions/2/infer'])
    t.match(await post(address, { inputs: [] }), { status: 404, body: { error: String } }, address);
  t.match(await post('/v2/models/writer/infer', { inputs: [] }), {
    status: 404,
    body: { error: /cannot be called with tensors; it writes text at \/v1\/completions/ },
  });
  t.match(await post('/v1/tokenize', { model: 'echo', prompt: 'a' }), {
    status: 404,
    body: { error: { code: 'model_not_found' } },
  });
  t.match(await post('/v1/completions', { model: 'echo', prompt: 'a' }), { status: 404 });
});

const SAMPLES: Record<string, readonly (number | boolean)[]> = {
  BOOL: [true, false, false, true],
  UINT8: [0, 1, 200, 255],
  UINT16: [0, 1, 256, 65535],
  UINT32: [0, 1, 2 ** 31, 2 ** 32 - 1],
  UINT64: [0, 1, 2 ** 32, Number.MAX_SAFE_INTEGER],
  INT8: [-128, -1, 0, 127],
  INT16: [-32768, -1, 0, 32767],
  INT32: [-(2 ** 31), -1, 0, 2 ** 31 - 1],
  INT64: [Number.MIN_SAFE_INTEGER, -1, 2 ** 33, Number.MAX_SAFE_INTEGER],
  FP16: [0.5, -65504, 2 ** -24, 1 + 2 ** -10],
  FP32: [0.5, -3.4028234663852886e38, 2 ** -149, Math.fround(0.1)],
  FP64: [0.1, -1.7976931348623157e308, 5e-324, Math.PI],
};

const pairs = <T>(values: readonly T[]): T[][] => [values.slice(0, 2), values.slice(2)];
const BF16_BYTES = Uint8Array.of(0x80, 0x3f, 0x80, 0x7f, 0xc0, 0xff, 0x01, 0x00);

t.test('every datatype, as JSON', async t => {
  const bf16 = { name: 'BF16', datatype: 'BF16', shape: [2, 2], parameters: { binary_data_size: 8 } };
  for (const arrange of [(values: readonly unknown[]) => values, pairs]) {
    const inputs = Object.entries(SAMPLES).map(([datatype, values]) => ({
      name: datatype,
      datatype,
      shape: [2, 2],
      data: arrange(values),
    }));
    const outputs = Object.keys(SAMPLES).map(datatype => ({ name: `out_${datatype}` }));
    const { status, head } = await binary(
      'echo',
      { id: 'a', inputs: [...inputs, bf16], outputs },
      BF16_BYTES,
    );
    t.equal(status, 200);
    t.strictSame(head, {
      model_name: 'echo',
      model_version: '1',
      id: 'a',
      outputs: Object.entries(SAMPLES).map(([datatype, data]) => ({
        name: `out_${datatype}`,
        datatype,
        shape: [2, 2],
        data,
      })),
    });
  }
});

/** Bytes of four elements of each datatype, among them what JSON cannot hold. */
const BYTES: Record<string, Uint8Array> = Object.fromEntries(
  Object.entries({
    BOOL: Uint8Array.of(1, 0, 0, 1),
    UINT8: Uint8Array.of(0, 1, 200, 255),
    UINT16: Uint16Array.of(0, 1, 256, 65535),
    UINT32: Uint32Array.of(0, 1, 2 ** 31, 2 ** 32 - 1),
    UINT64: BigUint64Array.of(0n, 1n, 2n ** 53n + 1n, 2n ** 64n - 1n),
    INT8: Int8Array.of(-128, -1, 0, 127),
    INT16: Int16Array.of(-32768, -1, 0, 32767),
    INT32: Int32Array.of(-(2 ** 31), -1, 0, 2 ** 31 - 1),
    INT64: BigInt64Array.of(-(2n ** 63n), -1n, 2n ** 53n + 1n, 2n ** 63n - 1n),
    FP16: Uint16Array.of(0x7c00, 0xfc00, 0x7e01, 0x8000),
    FP32: Float32Array.of(Infinity, -Infinity, NaN, -0),
    FP64: Float64Array.of(Infinity, -Infinity, NaN, -0),
    BF16: Uint16Array.from(new Uint16Array(BF16_BYTES.buffer)),
  }).map(([datatype, { buffer }]) => [datatype, new Uint8Array(buffer)]),
);

const binaryInputs = Object.keys(DATATYPES).map(datatype => ({
  name: datatype,
  datatype,
  shape: [2, 2],
  parameters: { binary_data_size: BYTES[datatype]!.length },
}));
const allBytes = Buffer.concat(Object.keys(DATATYPES).map(datatype => BYTES[datatype]!));

t.test('every datatype, as binary data', async t => {
  const request = { parameters: { binary_data_output: true }, inputs: binaryInputs };
  const { status, head, rest } = await binary('echo', request, allBytes);
  t.equal(status, 200);
  t.strictSame(
    head.outputs,
    binaryInputs.map(({ name, ...input }) => ({ name: `out_${name}`, ...input })),
  );
  t.ok(rest.equals(allBytes));
});

t.test('integers of 64 bits are exact in JSON too', async t => {
  const outputs = [{ name: 'out_UINT64' }, { name: 'out_INT64' }];
  const { text } = await binary('echo', { inputs: binaryInputs, outputs }, allBytes);
  t.match(text, '"data":[0,1,9007199254740993,18446744073709551615]');
  t.match(text, '"data":[-9223372036854775808,-1,9007199254740993,9223372036854775807]');
});

t.test('some outputs as binary data, some as JSON, in the order that was asked for', async t => {
  const { head, rest } = await binary(
    'echo',
    {
      inputs: binaryInputs,
      outputs: [
        { name: 'out_INT32', parameters: { binary_data: true } },
        { name: 'out_UINT8' },
        { name: 'out_FP16', parameters: { binary_data: true } },
      ],
    },
    allBytes,
  );
  t.strictSame(
    head.outputs.map(({ name, data, parameters }) => [name, data ?? parameters?.binary_data_size]),
    [
      ['out_INT32', 16],
      ['out_UINT8', [0, 1, 200, 255]],
      ['out_FP16', 8],
    ],
  );
  t.ok(rest.equals(Buffer.concat([BYTES.INT32!, BYTES.FP16!])));
  for (const [name, what] of [
    ['out_FP32', /output 'out_FP32' has infinities or NaN/],
    ['out_FP16', /output 'out_FP16' has infinities or NaN/],
    ['out_BF16', /output 'out_BF16': BF16 is given as binary data only/],
  ] as const) {
    const refused = await binary('echo', { inputs: binaryInputs, outputs: [{ name }] }, allBytes);
    t.equal(refused.status, 400);
    t.match(refused.head.error, what);
  }
});

const X = { name: 'x', datatype: 'FP32', shape: [2, 2], data: [1, 2, 3, 4] };
const INDEX = { name: 'index', datatype: 'INT64', shape: [], data: [1] };

t.test('what a model computes', async t => {
  const rows = fc.array(
    fc.tuple(fc.float({ noNaN: true, min: -100, max: 100 }), fc.integer({ min: -9, max: 9 })),
    {
      maxLength: 5,
    },
  );
  await fc.assert(
    fc.asyncProperty(rows, fc.constantFrom(0, 1), async (x, index) => {
      const { status, body } = await post<Answer>('/v2/models/linear/infer', {
        inputs: [
          { ...X, shape: [x.length, 2], data: x },
          { ...INDEX, data: [index] },
        ],
      });
      t.equal(status, 200);
      const [y, row] = body.outputs;
      t.strictSame(y?.shape, [x.length, 3]);
      t.strictSame(row, { name: 'row', datatype: 'FP32', shape: [3], data: WEIGHTS[index] });
      const expected = x.flatMap(([a, b]) => [0, 1, 2].map(i => a * WEIGHTS[0][i]! + b * WEIGHTS[1][i]!));
      return expected.every((value, i) => Math.abs(value - (y?.data?.[i] as number)) <= 1e-4);
    }),
    runs(25),
  );
});

t.test('what is wrong with a request is said', async t => {
  const cases: [object, RegExp][] = [
    [{}, /^inputs is required$/],
    [{ inputs: {} }, /^inputs must be a list of objects$/],
    [{ inputs: [{}] }, /^inputs\[0\]\.name is required$/],
    [{ inputs: [{ ...X, shape: [-2, 2] }, INDEX] }, /^inputs\[0\]\.shape\[0\] must be >= 0$/],
    [{ inputs: [{ ...X, datatype: 'TEXT' }, INDEX] }, /^inputs\[0\]\.datatype must be one of "BOOL"/],
    [{ inputs: [{ ...X, datatype: 'BYTES' }, INDEX] }, /^input 'x' is BYTES, but the model takes FP32/],
    [{ inputs: [X] }, /^input 'index' is missing; the model takes 'x', 'index'$/],
    [{ inputs: [X, X, INDEX] }, /^input 'x' is there twice$/],
    [{ inputs: [X, INDEX, { ...X, name: 'z' }] }, /^the model has no input "z", only 'x', 'index'$/],
    [{ inputs: [{ ...X, datatype: 'FP64' }, INDEX] }, /^input 'x' is FP64, but the model takes FP32$/],
    [
      { inputs: [{ ...X, shape: [4] }, INDEX] },
      /^input 'x' has the shape \[4\], but the model takes \[-1, 2\], where -1 is any size$/,
    ],
    [{ inputs: [{ ...X, shape: [3, 2] }, INDEX] }, /^input 'x' has 4 elements for the shape \[3, 2\]$/],
    [{ inputs: [{ ...X, shape: [2 ** 52, 2] }, INDEX] }, /^input 'x' has the shape .*, which is too large$/],
    [{ inputs: [{ ...X, shape: [2 ** 45, 2] }, INDEX] }, /^input 'x' has 4 elements for the shape/],
    [{ inputs: [{ ...X, data: [[1, 2], [3]] }, INDEX] }, /^input 'x' has lists that do not fit its shape/],
    [
      {
        inputs: [
          {
            ...X,
            data: [
              [1, [2]],
              [3, 4],
            ],
          },
          INDEX,
        ],
      },
      /^input 'x' has \[2\] at element 1: FP32 takes/,
    ],
    [{ inputs: [{ ...X, data: [1, 2, 3, true] }, INDEX] }, /^input 'x' has true at element 3: FP32 takes/],
    [{ inputs: [{ ...X, data: [1, 2, 3, 1e39] }, INDEX] }, /^input 'x' has 1e\+39 at element 3: FP32 takes/],
    [
      { inputs: [{ ...X, data: ['1', 2, 3, 4] }, INDEX] },
      /^input 'x' has "1" at element 0: FP32 takes numbers/,
    ],
    [{ inputs: [X, { ...INDEX, data: [0.5] }] }, /^input 'index' has 0.5 at element 0: INT64 takes integers/],
    [{ inputs: [X, { ...INDEX, data: [2 ** 53] }] }, /send larger ones as binary data$/],
    [
      { inputs: [X, { ...INDEX, data: [2] }] },
      /^the model cannot run on these tensors: .*out of data bounds/,
    ],
    [{ inputs: [{ ...X, data: undefined }, INDEX] }, /^input 'x' has no data$/],
    [{ inputs: [{ ...X, parameters: { binary_data_size: 16 } }, INDEX] }, /^input 'x' has data and binary/],
    [{ inputs: [X, INDEX], outputs: [{ name: 'z' }] }, /^the model has no output "z", only 'y', 'row'$/],
    [{ inputs: [X, INDEX], outputs: [{ name: 'y' }, { name: 'y' }] }, /^output 'y' is asked for twice$/],
    [
      { inputs: [X, INDEX], outputs: [{ name: 'y', parameters: { classification: 2 } }] },
      /^output 'y': the classification extension is not supported$/,
    ],
    [
      { inputs: [X, INDEX], outputs: [{ name: 'y', parameters: { shared_memory_region: 'a' } }] },
      /^output 'y': the shared memory extension is not supported$/,
    ],
    [
      { inputs: [{ ...X, data: undefined, parameters: { shared_memory_region: 'a' } }, INDEX] },
      /^input 'x': the shared memory extension is not supported$/,
    ],
    [{ inputs: [X, INDEX], parameters: { sequence_id: 5 } }, /^sequence_id: the sequence extension is not/],
  ];
  for (const [request, fault] of cases) {
    const { status, body } = await post<Answer>('/v2/models/linear/infer', request);
    t.equal(status, 400, JSON.stringify(request));
    t.strictSame(Object.keys(body), ['error']);
    t.match(body.error, fault);
  }
  const narrow: [string, unknown, RegExp][] = [
    ['UINT8', 256, /UINT8 takes integers from 0 to 255$/],
    ['INT8', -129, /INT8 takes integers from -128 to 127$/],
    ['BOOL', 1, /BOOL takes true and false$/],
    ['FP16', 65536, /too large for FP16$/],
    ['BF16', 1, /BF16 is taken as binary data only$/],
  ];
  for (const [datatype, value, fault] of narrow) {
    const inputs = [{ name: datatype, datatype, shape: [1, 2], data: [value, value] }];
    const { status, body } = await post<Answer>('/v2/models/echo/infer', { inputs });
    t.equal(status, 400);
    t.match(body.error, fault);
  }
  t.match(await get('/v2/health/live'), { status: 200 }, "a caller's mistakes are no faults of the runtime");
});

t.test('what is wrong with binary data is said', async t => {
  const x = { ...X, data: undefined, parameters: { binary_data_size: 16 } };
  const head = { inputs: [x, INDEX] };
  const text = JSON.stringify(head);
  const cases: [unknown, number, number | string | undefined, RegExp][] = [
    [head, 15, undefined, /^input 'x' has 15 of its 16 bytes: the body ends too soon$/],
    [head, 17, undefined, /^the body has 17 bytes of binary data, but the inputs have 16$/],
    [head, 16, text.length + 17, /^inference-header-content-length is \d+, but the body has \d+ bytes$/],
    [head, 16, text.length - 1, /^the first \d+ bytes of the body are no JSON/],
    [head, 16, 0, /^the first 0 bytes of the body are no JSON/],
    [head, 16, '0x10', /inference-header-content-length/i],
    [head, 16, -1, /inference-header-content-length/i],
    ['[]', 0, undefined, /^the body must be an object$/],
    ['null', 0, undefined, /^the body must be an object$/],
    [
      { inputs: [{ ...x, parameters: { binary_data_size: 12 } }, INDEX] },
      12,
      undefined,
      /^input 'x' has a binary_data_size of 12, but FP32 of the shape \[2, 2\] takes 16 bytes$/,
    ],
  ];
  for (const [request, size, length, fault] of cases) {
    const { status, head: body } = await binary('linear', request, new Uint8Array(size), length);
    t.equal(status, 400, String(fault));
    t.match(body.error, fault);
  }
  const bool = { name: 'BOOL', datatype: 'BOOL', shape: [1, 2], parameters: { binary_data_size: 2 } };
  const { head: body } = await binary('echo', { inputs: [bool] }, Uint8Array.of(1, 2));
  t.match(body.error, /^input 'BOOL' has bytes other than 0 and 1/);

  const send = (headers: Record<string, string>, content: string | undefined): Promise<Response> =>
    fetch(`${url}/v2/models/linear/infer`, {
      method: 'POST',
      headers,
      ...(content !== undefined && { body: content }),
    });
  const bare = await send({ 'content-type': 'application/octet-stream' }, 'abc');
  t.match([bare.status, await bare.json()], [400, { error: /needs the header/ }]);
  const none = await send({}, undefined);
  t.match([none.status, await none.json()], [400, { error: String }]);
  const strange = await send({ 'content-type': 'text/csv' }, 'a,b');
  t.match([strange.status, await strange.json()], [415, { error: String }]);
});

t.test('whatever is sent, the answer is one', async () => {
  const odd = fc.oneof(
    fc.constantFrom<unknown>(
      null,
      true,
      -1,
      0.5,
      2 ** 53,
      1e308,
      '',
      'x',
      [],
      {},
      [[]],
      [[1, 2]],
      [null],
      '__proto__',
    ),
    fc.constantFrom(...Object.keys(DATATYPES), 'BYTES'),
    fc.array(fc.integer({ min: -2, max: 3 }), { maxLength: 3 }),
    fc.jsonValue({ maxDepth: 3 }),
  );
  const input = (right: object): fc.Arbitrary<object> =>
    fc
      .dictionary(
        fc.constantFrom('name', 'shape', 'datatype', 'data', 'parameters'),
        fc.option(odd, { nil: undefined }),
        {
          maxKeys: 2,
        },
      )
      .map(changes => ({ ...right, ...changes }));
  const body = fc
    .tuple(
      input(X),
      input(INDEX),
      fc.dictionary(fc.constantFrom('id', 'parameters', 'outputs', 'inputs'), odd, { maxKeys: 1 }),
    )
    .map(([x, index, changes]) => ({ inputs: [x, index], ...changes }));
  await fc.assert(
    fc.asyncProperty(
      fc.oneof({ weight: 9, arbitrary: body }, { weight: 1, arbitrary: odd }),
      async request => {
        const { status, body } = await post<Answer>('/v2/models/linear/infer', request ?? null);
        return status === 200 ? body.outputs.length > 0 : status === 400 && typeof body.error === 'string';
      },
    ),
    runs(300),
  );
  const size = fc.oneof(fc.integer({ min: 0, max: 40 }), odd);
  await fc.assert(
    fc.asyncProperty(
      size,
      fc.uint8Array({ maxLength: 40 }),
      fc.option(fc.nat(400)),
      async (size, bytes, length) => {
        const x = { ...X, data: undefined, parameters: { binary_data_size: size } };
        const { status, head } = await binary('linear', { inputs: [x, INDEX] }, bytes, length ?? undefined);
        return status === 200 ? head.outputs.length > 0 : status === 400 && typeof head.error === 'string';
      },
    ),
    runs(200),
  );
});

t.test('an encoder takes token ids, and pads what it gives', async t => {
  const ids = { name: 'input_ids', datatype: 'INT64', shape: [2, 3], data: [5, 6, 7, 8, 9, 0] };
  const mask = { name: 'attention_mask', datatype: 'INT64', shape: [2, 3], data: [1, 1, 1, 1, 1, 0] };
  const vectors = await post<Answer>('/v2/models/embedding/infer', { inputs: [ids, mask] });
  t.equal(vectors.status, 200);
  t.strictSame(
    embedder.encoder.inputs.map(input => input.ids),
    [
      [5, 6, 7],
      [8, 9],
    ],
  );
  const own = await post<{ data: { embedding: number[] }[] }>('/v1/embeddings', {
    model: 'embedding',
    input: [
      [5, 6, 7],
      [8, 9],
    ],
    normalize: false,
  });
  const [embedding] = vectors.body.outputs;
  t.match(embedding, { name: 'sentence_embedding', datatype: 'FP32', shape: [2, 4] });
  t.strictSame(
    embedding?.data,
    own.body.data.flatMap(({ embedding }) => embedding),
  );

  tagger.encoder.script = ({ ids }) => ids.flatMap(id => [id, 1, 2, 3]);
  const left = { ...mask, data: [1, 1, 1, 0, 1, 1] };
  const tags = await post<Answer>('/v2/models/token-classification/infer', { inputs: [ids, left] });
  t.strictSame(tags.body.outputs[0]?.shape, [2, 3, 4]);
  t.strictSame(tags.body.outputs[0]?.data?.slice(8), [7, 1, 2, 3, 0, 0, 0, 0, 9, 1, 2, 3, 0, 1, 2, 3]);

  reader.encoder.script = ({ ids }) => ids.flatMap(id => [id, -id]);
  const types = { ...mask, name: 'token_type_ids', data: [0, 0, 1, 0, 1, 0] };
  const spans = await post<Answer>('/v2/models/question-answering/infer', {
    inputs: [ids, mask, types],
    outputs: [{ name: 'end_logits' }, { name: 'start_logits' }],
  });
  t.strictSame(
    spans.body.outputs.map(({ name, data }) => [name, data]),
    [
      ['end_logits', [-5, -6, -7, -8, -9, 0]],
      ['start_logits', [5, 6, 7, 8, 9, 0]],
    ],
  );
  t.strictSame(reader.encoder.inputs[1]?.typeIds, [0, 1]);

  for (const [inputs, fault] of [
    [[mask], /^input 'input_ids' is missing/],
    [[ids, { ...mask, shape: [3, 2] }], /^attention_mask has the shape \[3,2\], but input_ids has \[2,3\]$/],
    [[ids, { ...mask, data: [1, 1, 1, 2, 1, 0] }], /^attention_mask must have nothing but 0 and 1$/],
    [[{ ...ids, shape: [2049, 0], data: [] }], /^input_ids has 2049 rows; at most 2048 are taken at once$/],
  ] as const)
    t.match(await post('/v2/models/embedding/infer', { inputs }), { status: 400, body: { error: fault } });
});
