import t from 'tap';
import { elementTypeOf, type ElementType, type TensorData } from '#runtime/element-type.js';
import { Allocator, cpuMemoryInfo, elementSize, Tensor } from '#runtime/index.js';
import { DataType, GraphBuilder } from '#graph/onnx/graph-builder.js';
import { loadBuilt, run } from '#test/support/run-graph.js';

const failure = { name: 'KvasirError', code: 'runtime_failure' };

const ARRAYS: readonly [ElementType, TensorData][] = [
  ['float32', Float32Array.of(1.5, -2)],
  ['float64', Float64Array.of(1.5, -2)],
  ['uint8', Uint8Array.of(1, 255)],
  ['int8', Int8Array.of(1, -128)],
  ['uint16', Uint16Array.of(1, 65535)],
  ['int16', Int16Array.of(1, -32768)],
  ['int32', Int32Array.of(1, -(2 ** 31))],
  ['uint32', Uint32Array.of(1, 2 ** 32 - 1)],
  ['int64', BigInt64Array.of(1n, -(2n ** 63n))],
  ['uint64', BigUint64Array.of(1n, 2n ** 64n - 1n)],
];

t.test('tensors over typed arrays know their type, and copy nothing', async t => {
  for (const [type, data] of ARRAYS) {
    using tensor = Tensor.fromArray(data, [1, 2]);
    t.equal(tensor.type, type);
    t.strictSame(tensor.shape, [1, 2]);
    t.equal(tensor.size, 2);
    t.strictSame(tensor.toArray(), data);
    data[0] = data[1]!;
    t.equal(tensor.toArray()[0], data[1], `${type}: a write to the array is one to the tensor`);
    t.equal(elementSize(type), data.BYTES_PER_ELEMENT);
  }
});

t.test('half floats and booleans are carried as bits and bytes', async t => {
  for (const [type, data] of [
    ['float16', Uint16Array.of(0x3c00)],
    ['bfloat16', Uint16Array.of(0x3f80)],
    ['bool', Uint8Array.of(1)],
  ] as const) {
    using tensor = Tensor.fromArray(data, [1], type);
    t.equal(tensor.type, type);
    t.strictSame(tensor.toArray(), data);
  }
});

t.test('a toArray copy is its own', async t => {
  const data = Float32Array.of(1);
  using tensor = Tensor.fromArray(data, [1]);
  const copy = tensor.toArray();
  data[0] = 2;
  t.strictSame(copy, Float32Array.of(1));
});

t.test('views into larger buffers, scalars, and tensors without elements', async t => {
  using view = Tensor.fromArray(Float32Array.of(1, 2, 3, 4).subarray(1, 3), [2]);
  t.strictSame(view.toArray(), Float32Array.of(2, 3));
  using scalar = Tensor.fromArray(Float32Array.of(7), []);
  t.strictSame(scalar.toArray(), Float32Array.of(7));
  t.equal(scalar.size, 1);
  using empty = Tensor.fromArray(new Float32Array(), [0, 3]);
  t.strictSame(empty.toArray(), new Float32Array());
});

t.test('shapes and types that do not fit', async t => {
  const two = Float32Array.of(1, 2);
  t.throws(() => Tensor.fromArray(two, [3]), {
    ...failure,
    message: 'a float32 tensor of shape [3] does not fit 2 elements',
  });
  t.throws(() => Tensor.fromArray(two, [2], 'float16'), failure);
  t.throws(() => Tensor.fromArray(two, [-1, -2]), {
    ...failure,
    message: '[-1, -2] is not a shape: sizes are whole numbers from 0 on',
  });
  t.throws(() => Tensor.fromArray(two, [0.5, 4]), {
    ...failure,
    message: '[0.5, 4] is not a shape: sizes are whole numbers from 0 on',
  });
  t.throws(() => Tensor.fromArray(two, [2], 'string'), { ...failure, message: /string/ });
  t.throws(() => Tensor.fromArray([1, 2] as unknown as Float32Array, [2]), { ...failure, message: /Array/ });
});

t.test('every number of an element type leads back to it', async t => {
  const types = Array.from({ length: 30 }, (_, number) => elementTypeOf(number));
  t.equal(types.filter(type => type !== undefined).length, 14);
  t.equal(types[1], 'float32');
  t.equal(types[16], 'bfloat16');
  t.equal(elementTypeOf(14), undefined, 'complex numbers have no view');
});

t.test('tensors over device memory', async t => {
  const graph = new GraphBuilder();
  const x = graph.input('x', DataType.FLOAT, ['n']);
  graph.output(graph.node({ op: 'Neg', inputs: [x], name: 'y' }), DataType.FLOAT, ['n']);
  using session = await loadBuilt(t.testdir(), graph);
  using allocator = new Allocator(session, cpuMemoryInfo());
  using memory = allocator.allocate(32);
  new Float32Array(memory.view().buffer).set([0, 1, 2, 3, 4, 5, 6, 7]);
  using part = Tensor.overMemory(memory, 8, [3], 'float32');
  t.strictSame(part.toArray(), Float32Array.of(2, 3, 4));
  using y = (await run(session, { x: part })).y!;
  t.strictSame(y.toArray(), Float32Array.of(-2, -3, -4));
  using rest = Tensor.overMemory(memory, 32, [0], 'float32');
  t.equal(rest.size, 0);

  t.throws(() => Tensor.overMemory(memory, 24, [3], 'float32'), {
    ...failure,
    message: 'a float32 tensor of shape [3] at byte 24 does not fit 32 bytes',
  });
  t.throws(() => Tensor.overMemory(memory, 2, [1], 'float32'), failure, 'between two elements');
  t.throws(() => Tensor.overMemory(memory, -4, [1], 'float32'), failure);
  t.throws(() => memory.dispose(), {
    ...failure,
    message: 'DeviceMemory cannot be disposed while it is in use',
  });
});
