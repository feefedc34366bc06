import { readdir } from 'node:fs/promises';
import path from 'node:path';
import { Writable } from 'node:stream';
import { pino } from 'pino';
import t, { type Test } from 'tap';
import { loggerOptions } from '#http/observability/logging.js';
import type { Caller } from '#caller.js';
import { int } from '#graph/onnx/attributes.js';
import { DataType, GraphBuilder } from '#graph/onnx/graph-builder.js';
import { inspectModel } from '#model/inspect.js';
import { Registry } from '#registry/registry.js';
import type { TensorModel } from '#registry/types.js';
import type { NamedTensor } from '#tensors/types.js';
import { eventually, startServer } from '#test/support/http-server.js';
import { linearGraph, rawModel, slowGraph, zerosGraph } from '#test/support/raw-models.js';

const never = caller(new AbortController());

function caller({ signal }: Pick<AbortController, 'signal'>, client = 'a'): Caller {
  return { client, signal };
}

function square(size: number): NamedTensor {
  return { name: 'x', type: 'float32', shape: [size, size], data: new Float32Array(size * size) };
}

const SLOW = [square(700)];
const OUTPUT = ['y199'];

async function slowModel(t: Test, maxWaiting?: number): Promise<TensorModel> {
  const model = await rawModel(t.testdir(), slowGraph(), maxWaiting === undefined ? {} : { maxWaiting });
  t.teardown(() => model.close());
  return model;
}

t.test('one run at a time, the others in their order', async t => {
  const { tensors, stats } = await slowModel(t);
  const order: number[] = [];
  const calls = [3, 1, 2].map(size =>
    tensors.infer([square(size)], OUTPUT, never).then(([output]) => order.push(output!.shape[0]!)),
  );
  t.strictSame(stats().tensors, { waiting: 2, running: 1, runs: 0 });
  await Promise.all(calls);
  t.strictSame(order, [3, 1, 2]);
  t.strictSame(stats().tensors, { waiting: 0, running: 0, runs: 3 });
});

t.test('clients take turns', async t => {
  const { tensors } = await slowModel(t);
  const order: string[] = [];
  const call = async (client: string, size: number): Promise<void> => {
    await tensors.infer([square(size)], OUTPUT, caller(new AbortController(), client));
    order.push(`${client}${size}`);
  };
  await Promise.all([call('a', 1), call('a', 2), call('a', 3), call('a', 4), call('b', 1)]);
  t.strictSame(order, ['a1', 'a2', 'b1', 'a3', 'a4']);
});

t.test('a full line, callers that leave while they wait or run', async t => {
  const { tensors, stats } = await slowModel(t, 1);
  const [first, second] = [new AbortController(), new AbortController()];
  const started = performance.now();
  const calls = [first, second].map(({ signal }) => tensors.infer(SLOW, OUTPUT, caller({ signal })));
  await t.rejects(tensors.infer(SLOW, OUTPUT, never), { code: 'queue_full' });
  second.abort();
  await t.rejects(calls[1]!, { code: 'cancelled' });
  t.equal(stats().tensors!.waiting, 0);
  const third = tensors.infer([square(1)], OUTPUT, never);
  setTimeout(() => first.abort(), 50);
  await t.rejects(calls[0]!, { code: 'cancelled' });
  t.match(await third, [{ name: 'y199', shape: [1, 1] }]);
  t.ok(performance.now() - started < 1500, 'the run was ended');
  await t.rejects(tensors.infer(SLOW, OUTPUT, caller(first)), { code: 'cancelled' });
});

t.test('to close ends what runs and what waits', async t => {
  const model = await slowModel(t);
  const calls = [1, 2].map(() => model.tensors.infer(SLOW, OUTPUT, never));
  const rejected = calls.map(call => t.rejects(call, { code: 'shutting_down' }));
  setTimeout(() => void model.close(), 50);
  await Promise.all(rejected);
  await model.close();
  await t.rejects(model.tensors.infer(SLOW, OUTPUT, never), { code: 'shutting_down' });
});

t.test('over HTTP: the time that a request has, and clients that leave', async t => {
  const model = await slowModel(t);
  const { url } = await startServer(t, { registry: new Registry([model]) });
  const size = 700 * 700 * 4;
  const input = { name: 'x', datatype: 'FP32', shape: [700, 700], parameters: { binary_data_size: size } };
  const head = Buffer.from(JSON.stringify({ inputs: [input] }));
  const post = (init: RequestInit): Promise<Response> =>
    fetch(`${url}/v2/models/${model.id}/infer`, {
      method: 'POST',
      body: Buffer.concat([head, new Uint8Array(size)]),
      ...init,
      headers: {
        'content-type': 'application/octet-stream',
        'inference-header-content-length': String(head.length),
        ...init.headers,
      },
    });
  const late = await post({ headers: { 'x-request-timeout': '0.2' } });
  t.match([late.status, await late.json()], [504, { error: /^the time for the request was over/ }]);
  const leaving = new AbortController();
  const left = post({ signal: leaving.signal });
  await eventually(() => model.stats().tensors!.running === 1);
  leaving.abort();
  await t.rejects(left);
  await eventually(() => model.stats().tensors!.running === 0);
});

t.test('what a folder with a graph alone is', async t => {
  const folder = t.testdir();
  const model = await rawModel(folder, linearGraph());
  t.equal(model.card.task, 'raw-tensors');
  t.match(model.tensors.inputs, [{ name: 'x', type: 'float32', shape: ['n', 2] }, { name: 'index' }]);
  await model.close();
  t.strictSame((await readdir(folder)).sort(), ['model.onnx', 'model.onnx.data']);
  t.match(await inspectModel(folder, { slots: 1 }), {
    kind: 'raw',
    path: { kind: 'ready-made', reason: 'model.onnx, without a tokenizer: it is called with tensors' },
    parameters: 6,
    graphs: [{ inputs: [{ name: 'x', type: 'FLOAT', shape: ['n', 2] }, {}], outputs: [{}, {}] }],
  });
});

t.test('values that are no tensors of numbers', async t => {
  const folder = t.testdir({ texts: {}, both: {}, none: {} });
  const texts = new GraphBuilder();
  texts.output(
    texts.node({ op: 'Identity', inputs: [texts.input('x', DataType.STRING, [1])], name: 'y' }),
    DataType.STRING,
    [1],
  );
  await t.rejects(rawModel(path.join(folder, 'texts'), texts), {
    code: 'unsupported_model',
    message: "the graph's input 'x' is not a tensor of numbers (string)",
  });
  const labels = (withNumbers: boolean): GraphBuilder => {
    const graph = new GraphBuilder();
    const x = graph.input('x', DataType.FLOAT, [1]);
    graph.output(
      graph.node({ op: 'Cast', inputs: [x], name: 'label', attributes: { to: int(DataType.STRING) } }),
      DataType.STRING,
      [1],
    );
    if (withNumbers) graph.output(graph.node({ op: 'Neg', inputs: [x], name: 'y' }), DataType.FLOAT, [1]);
    return graph;
  };
  const model = await rawModel(path.join(folder, 'both'), labels(true));
  t.strictSame(
    model.tensors.outputs.map(({ name }) => name),
    ['y'],
  );
  await model.close();
  await t.rejects(rawModel(path.join(folder, 'none'), labels(false)), { code: 'unsupported_model' });
});

t.test('a run that takes too long is ended', async t => {
  const model = await rawModel(t.testdir(), slowGraph(), { runTime: 200 });
  t.teardown(() => model.close());
  const started = performance.now();
  await t.rejects(model.tensors.infer(SLOW, OUTPUT, never), {
    code: 'deadline_exceeded',
    message: 'the run was ended: a run of the model may take 0.2 seconds',
  });
  t.ok(performance.now() - started < 1500);
  t.match(await model.tensors.infer([square(1)], OUTPUT, never), [{ name: 'y199' }], 'the next one runs');
});

t.test('over HTTP: outputs that are too large, or that JSON has no room for', async t => {
  const model = await rawModel(t.testdir(), zerosGraph(), { outputBytes: 40_000_000 });
  const { url } = await startServer(t, { registry: new Registry([model]) });
  const zeros = async (shape: readonly number[], binary = false) => {
    const response = await fetch(`${url}/v2/models/${model.id}/infer`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({
        inputs: [{ name: 'shape', datatype: 'INT64', shape: [shape.length], data: shape }],
        parameters: { binary_data_output: binary },
      }),
    });
    const body = Buffer.from(await response.arrayBuffer());
    return { status: response.status, length: body.length, text: body.toString('latin1', 0, 10_000) };
  };
  t.match(await zeros([20_000, 20_000]), {
    status: 400,
    text: /the outputs of the model would be 1600000000 bytes; at most 40000000/,
  });
  t.match(await zeros([2 ** 22 + 1]), { status: 400, text: /as JSON at most 4194304 are given at once/ });
  const binary = await zeros([2 ** 22 + 1], true);
  t.equal(binary.status, 200);
  t.ok(binary.length > 4 * 2 ** 22);
  const json = await zeros([100_001]);
  t.equal(json.status, 200);
  t.equal(
    json.length,
    JSON.stringify({
      model_name: model.id,
      model_version: '1',
      outputs: [{ name: 'zeros', datatype: 'FP32', shape: [100_001], data: Array(100_001).fill(0) }],
    }).length,
  );
  t.match(await zeros([0, 5]), { status: 200, text: /"data":\[\]/ });
});

t.test('nothing is told of where ONNX Runtime was built', async t => {
  const model = await rawModel(t.testdir(), slowGraph());
  t.teardown(() => model.close());
  const x: NamedTensor = { name: 'x', type: 'float32', shape: [2, 3], data: new Float32Array(6) };
  const error = await model.tensors.infer([x], OUTPUT, never).catch((error: unknown) => error as Error);
  t.match(error, { code: 'invalid_request', message: /^the model cannot run on these tensors: / });
  t.notMatch((error as Error).message, /[/\\]|\.cc|::/);
});

t.test('over HTTP: what ONNX Runtime says goes to the log, not to the client', async t => {
  const model = await rawModel(t.testdir(), linearGraph());
  let log = '';
  const sink = new Writable({
    write(chunk: Buffer, _encoding, done) {
      log += chunk.toString();
      done();
    },
  });
  const { url } = await startServer(t, {
    registry: new Registry([model]),
    logger: pino(loggerOptions('info'), sink),
  });
  const response = await fetch(`${url}/v2/models/${model.id}/infer`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({
      inputs: [
        { name: 'x', datatype: 'FP32', shape: [1, 2], data: [1, 2] },
        { name: 'index', datatype: 'INT64', shape: [], data: [99] },
      ],
    }),
  });
  t.equal(response.status, 400);
  const answer = await response.text();
  t.match(answer, /cannot run on these tensors/);
  t.notMatch(answer, /onnxruntime|\.cc|Gather|INVALID/i);
  t.match(answer, /: indices element out of data bounds, idx=99/);
  t.match(log, /the runtime refused a request/);
  t.match(log, /INVALID_ARGUMENT/);
});
