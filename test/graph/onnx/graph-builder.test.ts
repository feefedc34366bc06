import { fromBinary } from '@bufbuild/protobuf';
import { readFile, stat } from 'node:fs/promises';
import path from 'node:path';
import t from 'tap';
import { float, floats, int, ints, string, tensor } from '#graph/onnx/attributes.js';
import { DataType, GraphBuilder, NONE } from '#graph/onnx/graph-builder.js';
import { ModelProtoSchema } from '#graph/onnx/onnx_pb.js';
import { evaluate, floats as floatTensor, loadBuilt, longs } from '#test/support/run-graph.js';

/** Reads back what `save` wrote. */
async function saved(folder: string, graph: GraphBuilder) {
  const file = path.join(folder, 'graph.onnx');
  await graph.save(file);
  return fromBinary(ModelProtoSchema, await readFile(file));
}

t.test('a graph with weights runs: x W + b', async t => {
  const graph = new GraphBuilder();
  const x = graph.input('x', DataType.FLOAT, ['rows', 2]);
  const w = graph.initializer('w', DataType.FLOAT, [2, 3], () => Float32Array.of(1, 2, 3, 4, 5, 6));
  const b = graph.initializer('b', DataType.FLOAT, [3], async () => Float32Array.of(0.5, -0.5, 0));
  const product = graph.node({ op: 'MatMul', inputs: [x, w], name: 'product' });
  graph.output(graph.node({ op: 'Add', inputs: [product, b], name: 'y' }), DataType.FLOAT, ['rows', 3]);
  const { y } = await evaluate(t.testdir(), graph, { x: floatTensor([1, 10, 0, 1], [2, 2]) });
  t.strictSame(y, { shape: [2, 3], values: [41.5, 51.5, 63, 4.5, 4.5, 6] });
});

t.test('inputs and outputs have names, types and shapes, dimensions by name included', async t => {
  const graph = new GraphBuilder();
  const ids = graph.input('ids', DataType.INT64, ['batch', 'sequence', 4]);
  graph.output(
    graph.node({ op: 'Cast', inputs: [ids], name: 'y', attributes: { to: int(DataType.FLOAT16) } }),
    DataType.FLOAT16,
    ['batch', 'sequence', 4],
  );
  using session = await loadBuilt(t.testdir(), graph);
  t.strictSame(session.inputs, [{ name: 'ids', type: 'int64', shape: ['batch', 'sequence', 4] }]);
  t.strictSame(session.outputs, [{ name: 'y', type: 'float16', shape: ['batch', 'sequence', 4] }]);
});

t.test('weights lie in the data file, on page borders, and are loaded once and one at a time', async t => {
  const folder = t.testdir();
  const graph = new GraphBuilder();
  let open = 0;
  let loads = 0;
  const names = ['a', 'b', 'c'];
  for (const [i, name] of names.entries()) {
    graph.initializer(name, DataType.FLOAT, [3], async () => {
      t.equal(open++, 0);
      loads++;
      await new Promise(resolve => setImmediate(resolve));
      open--;
      return Float32Array.of(i, i + 0.25, i + 0.5);
    });
  }
  graph.output(
    graph.node({ op: 'Concat', inputs: names, name: 'y', attributes: { axis: int(0) } }),
    DataType.FLOAT,
    [9],
  );
  t.equal(loads, 0);
  const model = await saved(folder, graph);
  t.equal(loads, 3);
  const places = model.graph!.initializer.map(({ externalData }) =>
    Object.fromEntries(externalData.map(({ key, value }) => [key, value])),
  );
  t.strictSame(places, [
    { location: 'graph.onnx.data', offset: '0', length: '12' },
    { location: 'graph.onnx.data', offset: '4096', length: '12' },
    { location: 'graph.onnx.data', offset: '8192', length: '12' },
  ]);
  t.equal((await stat(path.join(folder, 'graph.onnx.data'))).size, 8192 + 12);
});

t.test('a weight may be a view into a larger buffer', async t => {
  const graph = new GraphBuilder();
  const all = Float32Array.of(0, 1, 2, 3, 4);
  const w = graph.initializer('w', DataType.FLOAT, [2], () => all.subarray(2, 4));
  graph.output(graph.node({ op: 'Neg', inputs: [w], name: 'y' }), DataType.FLOAT, [2]);
  const { y } = await evaluate(t.testdir(), graph, {});
  t.strictSame(y!.values, [-2, -3]);
});

t.test('constants of each type stay in the graph', async t => {
  const folder = t.testdir();
  const graph = new GraphBuilder();
  const x = graph.input('x', DataType.FLOAT, [4]);
  const scale = graph.constant('scale', [], [0.1], DataType.FLOAT);
  const shape = graph.constant('shape', [2], [2, 2]);
  const flags = graph.constant('flags', [2, 2], [1, 0, 0, 1], DataType.BOOL);
  const steps = graph.constant('steps', [2], [-1, 2], DataType.INT32);
  const scaled = graph.node({ op: 'Mul', inputs: [x, scale], name: 'scaled' });
  const square = graph.node({ op: 'Reshape', inputs: [scaled, shape], name: 'square' });
  const zero = graph.constant('zero', [1], [0], DataType.FLOAT);
  graph.output(graph.node({ op: 'Where', inputs: [flags, square, zero], name: 'y' }), DataType.FLOAT, [2, 2]);
  graph.output(graph.node({ op: 'Neg', inputs: [steps], name: 'z' }), DataType.INT32, [2]);
  const { y, z } = await evaluate(folder, graph, { x: floatTensor([10, 20, 30, 40]) });
  t.strictSame(y, { shape: [2, 2], values: [1, 0, 0, 4].map(Math.fround) });
  t.strictSame(z, { shape: [2], values: [1, -2] });
  t.equal((await stat(path.join(folder, 'graph.onnx.data'))).size, 0);
});

t.test('attributes of each type reach their operator', async t => {
  const graph = new GraphBuilder();
  const x = graph.input('x', DataType.FLOAT, [1, 2]);
  const gelu = graph.node({
    op: 'Gelu',
    inputs: [x],
    name: 'gelu',
    attributes: { approximate: string('tanh') },
  });
  graph.output(gelu, DataType.FLOAT, [1, 2]);
  const leaky = graph.node({
    op: 'LeakyRelu',
    inputs: [x],
    name: 'leaky',
    attributes: { alpha: float(0.5) },
  });
  graph.output(leaky, DataType.FLOAT, [1, 2]);
  const swapped = graph.node({
    op: 'Transpose',
    inputs: [x],
    name: 'swapped',
    attributes: { perm: ints([1, 0]) },
  });
  graph.output(swapped, DataType.FLOAT, [2, 1]);
  const listed = graph.node({
    op: 'Constant',
    inputs: [],
    name: 'listed',
    attributes: { value_floats: floats([1.5, -2]) },
  });
  graph.output(graph.node({ op: 'Neg', inputs: [listed], name: 'negated' }), DataType.FLOAT, [2]);
  const size = graph.constant('size', [1], [3]);
  const filled = graph.node({
    op: 'ConstantOfShape',
    inputs: [size],
    name: 'filled',
    attributes: { value: tensor(DataType.INT64, [1], [7]) },
  });
  const step = graph.input('step', DataType.INT64, [1]);
  graph.output(graph.node({ op: 'Add', inputs: [filled, step], name: 'sum' }), DataType.INT64, [3]);

  const result = await evaluate(t.testdir(), graph, { x: floatTensor([-1, 2], [1, 2]), step: longs([1]) });
  const tanhGelu = (v: number) => 0.5 * v * (1 + Math.tanh(Math.sqrt(2 / Math.PI) * (v + 0.044715 * v ** 3)));
  [-1, 2].forEach((v, i) => t.ok(Math.abs(result.gelu!.values[i]! - tanhGelu(v)) < 1e-6));
  t.strictSame(result.leaky!.values, [-0.5, 2]);
  t.strictSame(result.swapped!.shape, [2, 1]);
  t.strictSame(result.negated!.values, [-1.5, 2]);
  t.strictSame(result.sum!.values, [8, 8, 8]);
});

t.test('com.microsoft operators, several outputs, and optional ones left out', async t => {
  const graph = new GraphBuilder();
  const x = graph.input('x', DataType.FLOAT, [1, 2]);
  const skip = graph.input('skip', DataType.FLOAT, [1, 2]);
  const gamma = graph.constant('gamma', [2], [1, 1], DataType.FLOAT);
  const normed = graph.node({
    op: 'SkipSimplifiedLayerNormalization',
    domain: 'com.microsoft',
    inputs: [x, skip, gamma],
    name: 'norm',
    outputs: ['normed', NONE, NONE, 'residual'],
    attributes: { epsilon: float(0) },
  });
  t.equal(normed, 'normed');
  graph.output('normed', DataType.FLOAT, [1, 2]);
  graph.output('residual', DataType.FLOAT, [1, 2]);
  const clipped = graph.node({
    op: 'Clip',
    inputs: [x, NONE, graph.constant('top', [], [2], DataType.FLOAT)],
    name: 'clipped',
  });
  graph.output(clipped, DataType.FLOAT, [1, 2]);
  const result = await evaluate(t.testdir(), graph, {
    x: floatTensor([1, 3], [1, 2]),
    skip: floatTensor([2, 1], [1, 2]),
  });
  t.strictSame(result.residual!.values, [3, 4]);
  const rms = Math.sqrt((9 + 16) / 2);
  result.normed!.values.forEach((v, i) => t.ok(Math.abs(v - [3, 4][i]! / rms) < 1e-6));
  t.strictSame(result.clipped!.values, [1, 2]);
});

t.test('mistakes of an architecture are named at once', async t => {
  const graph = new GraphBuilder();
  graph.input('x', DataType.FLOAT, [1]);
  t.throws(() => graph.input('x', DataType.FLOAT, [1]), /has a value 'x' already/);
  t.throws(() => graph.node({ op: 'Neg', inputs: ['x'], name: 'x' }), /has a value 'x' already/);
  t.throws(() => graph.input('', DataType.FLOAT, [1]), /has a value '' already/);
  t.throws(() => graph.node({ op: 'Neg', inputs: ['y'], name: 'z' }), /has no value 'y'/);
  t.throws(() => graph.output('y', DataType.FLOAT, [1]), /has no value 'y'/);
  t.throws(() => graph.constant('c', [2], [1]), /c: 1 elements for shape \[2\]/);
  t.throws(() => graph.constant('c', [1], [0.5]), /c: \[0.5\] are not all integers/);
  t.throws(() => int(0.5)('axis'), RangeError);
  t.throws(() => tensor(DataType.FLOAT, [], []), /0 elements/);
});

t.test('weights that do not fit their type and shape stop the save', async t => {
  for (const [data, shape] of [
    [Float32Array.of(1, 2), [3]],
    [Uint16Array.of(1, 2), [2]],
    [BigInt64Array.of(1n), [1]],
  ] as const) {
    const graph = new GraphBuilder();
    graph.initializer('w', DataType.FLOAT, shape, () => data);
    await t.rejects(graph.save(path.join(t.testdir(), 'graph.onnx')), {
      message: `w: ${data.byteLength} bytes for FLOAT [${shape[0]}]`,
    });
  }
});

t.test('a weight that does not load stops the save with its own error', async t => {
  const graph = new GraphBuilder();
  const failure = new Error('the disk is gone');
  graph.initializer('w', DataType.FLOAT, [1], () => Promise.reject(failure));
  await t.rejects(graph.save(path.join(t.testdir(), 'graph.onnx')), failure);
});
