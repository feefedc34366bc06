import t from 'tap';
import { DataType, GraphBuilder, NONE } from '#graph/onnx/graph-builder.js';
import { cpuMemoryInfo, IoBinding, MemoryInfo, RunOptions, Tensor } from '#runtime/index.js';
import { floats, loadBuilt } from '#test/support/run-graph.js';

/** y = x + 1, z = -x. */
function twoOutputs(): GraphBuilder {
  const graph = new GraphBuilder();
  const x = graph.input('x', DataType.FLOAT, ['n']);
  const one = graph.constant('one', [], [1], DataType.FLOAT);
  graph.output(graph.node({ op: 'Add', inputs: [x, one], name: 'y' }), DataType.FLOAT, ['n']);
  graph.output(graph.node({ op: 'Neg', inputs: [x], name: 'z' }), DataType.FLOAT, ['n']);
  return graph;
}

t.test('outputs are written where they are bound, run after run', async t => {
  using session = await loadBuilt(t.testdir(), twoOutputs());
  const input = Float32Array.of(1, 2);
  const output = new Float32Array(2);
  using x = Tensor.fromArray(input, [2]);
  using y = Tensor.fromArray(output, [2]);
  using binding = new IoBinding(session).bindInput('x', x).bindOutput('y', y);
  using options = new RunOptions();
  await session.run(binding, options);
  t.strictSame(output, Float32Array.of(2, 3));
  input.set([10, 20]);
  await session.run(binding, options);
  t.strictSame(output, Float32Array.of(11, 21));
});

t.test('a later binding of a name takes the place of the one before', async t => {
  using session = await loadBuilt(t.testdir(), twoOutputs());
  using binding = new IoBinding(session);
  using options = new RunOptions();
  const results = [];
  for (const length of [1, 3]) {
    const output = new Float32Array(length);
    using x = floats(Array<number>(length).fill(length));
    using y = Tensor.fromArray(output, [length]);
    binding.bindInput('x', x).bindOutput('y', y);
    await session.run(binding, options);
    results.push([...output]);
  }
  t.strictSame(results, [[2], [4, 4, 4]]);
});

t.test('outputs that the run allocates, in the order of their binding', async t => {
  using session = await loadBuilt(t.testdir(), twoOutputs());
  using x = floats([1, 2, 3]);
  using binding = new IoBinding(session)
    .bindInput('x', x)
    .bindOutputToDevice('z', cpuMemoryInfo())
    .bindOutputToDevice('y', cpuMemoryInfo());
  using options = new RunOptions();
  await session.run(binding, options);
  const outputs = binding.outputs();
  t.strictSame(
    outputs.map(tensor => [tensor.type, tensor.shape, [...(tensor.toArray() as Float32Array)]]),
    [
      ['float32', [3], [-1, -2, -3]],
      ['float32', [3], [2, 3, 4]],
    ],
  );
  binding.dispose();
  t.strictSame(outputs[0]!.toArray(), Float32Array.of(-1, -2, -3), 'outputs outlive the binding');
  outputs.forEach(tensor => tensor.dispose());
});

t.test('an operator that works in place: past and present are one tensor', async t => {
  const graph = new GraphBuilder();
  const type = DataType.FLOAT;
  const shape = [1, 1, 4, 16];
  const query = graph.input('query', type, [1, 1, 16]);
  const past = ['past.key', 'past.value'].map(name => graph.input(name, type, shape));
  const lengths = graph.input('lengths', DataType.INT32, [1]);
  const total = graph.input('total', DataType.INT32, [1]);
  const { int } = await import('#graph/onnx/attributes.js');
  graph.node({
    op: 'GroupQueryAttention',
    domain: 'com.microsoft',
    inputs: [query, query, query, ...past, lengths, total, NONE, NONE],
    name: 'attention',
    outputs: ['attended', 'present.key', 'present.value'],
    attributes: { num_heads: int(1), kv_num_heads: int(1) },
  });
  graph.output('attended', type, [1, 1, 16]);
  graph.output('present.key', type, shape);
  graph.output('present.value', type, shape);
  using session = await loadBuilt(t.testdir(), graph);

  const keys = new Float32Array(64);
  const values = new Float32Array(64);
  const step = new Float32Array(16);
  const filled = new Int32Array(1);
  const length = new Int32Array(1);
  using query_ = Tensor.fromArray(step, [1, 1, 16]);
  using key = Tensor.fromArray(keys, shape);
  using value = Tensor.fromArray(values, shape);
  using lengthsTensor = Tensor.fromArray(filled, [1]);
  using totalTensor = Tensor.fromArray(length, [1]);
  using binding = new IoBinding(session)
    .bindInput('query', query_)
    .bindInput('past.key', key)
    .bindInput('past.value', value)
    .bindInput('lengths', lengthsTensor)
    .bindInput('total', totalTensor)
    .bindOutput('present.key', key)
    .bindOutput('present.value', value)
    .bindOutputToDevice('attended', cpuMemoryInfo());
  using options = new RunOptions();
  for (let position = 0; position < 3; position++) {
    step.fill(position + 1);
    filled[0] = position;
    length[0] = position + 1;
    await session.run(binding, options);
  }
  t.strictSame(
    [0, 1, 2, 3].map(position => keys[position * 16]),
    [1, 2, 3, 0],
  );
  t.strictSame(keys, values);
});

t.test('names that the model has not', async t => {
  using session = await loadBuilt(t.testdir(), twoOutputs());
  using x = floats([1]);
  using binding = new IoBinding(session).bindInput('x', x);
  using options = new RunOptions();
  binding.bindOutput('nothing', x);
  await t.rejects(session.run(binding, options), { code: 'runtime_failure', message: /nothing/ });
});

t.test('outputs before the first run', async t => {
  using session = await loadBuilt(t.testdir(), twoOutputs());
  using binding = new IoBinding(session);
  t.strictSame(binding.outputs(), []);
  binding.bindOutputToDevice('y', cpuMemoryInfo());
  t.throws(() => binding.outputs(), { name: 'KvasirError', code: 'runtime_failure' });
});

t.test('a binding keeps neither tensor nor description, but what they describe', async t => {
  using session = await loadBuilt(t.testdir(), twoOutputs());
  using binding = new IoBinding(session);
  using options = new RunOptions();
  const x = floats([5]);
  const info = new MemoryInfo();
  binding.bindInput('x', x).bindOutputToDevice('y', info);
  x.dispose();
  info.dispose();
  await session.run(binding, options);
  using y = binding.outputs()[0]!;
  t.strictSame(y.toArray(), Float32Array.of(6));
});
