import { readdir } from 'node:fs/promises';
import path from 'node:path';
import t, { type Test } from 'tap';
import { int } from '#graph/onnx/attributes.js';
import { DataType, GraphBuilder } from '#graph/onnx/graph-builder.js';
import { inspectModel } from '#model/inspect.js';
import { Registry } from '#registry/registry.js';
import type { TensorModel } from '#registry/types.js';
import type { NamedTensor } from '#tensors/types.js';
import { eventually, startServer } from '#test/support/http-server.js';
import { linearGraph, rawModel, slowGraph } from '#test/support/raw-models.js';

const never = new AbortController().signal;

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

t.test('a full line, callers that leave while they wait or run', async t => {
  const { tensors, stats } = await slowModel(t, 1);
  const [first, second] = [new AbortController(), new AbortController()];
  const started = performance.now();
  const calls = [first, second].map(({ signal }) => tensors.infer(SLOW, OUTPUT, signal));
  await t.rejects(tensors.infer(SLOW, OUTPUT, never), { code: 'queue_full' });
  second.abort();
  await t.rejects(calls[1]!, { code: 'cancelled' });
  t.equal(stats().tensors!.waiting, 0);
  const third = tensors.infer([square(1)], OUTPUT, never);
  setTimeout(() => first.abort(), 50);
  await t.rejects(calls[0]!, { code: 'cancelled' });
  t.match(await third, [{ name: 'y199', shape: [1, 1] }]);
  t.ok(performance.now() - started < 1500, 'the run was ended');
  await t.rejects(tensors.infer(SLOW, OUTPUT, first.signal), { code: 'cancelled' });
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
