import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import t, { type Test } from 'tap';
import { KvasirError } from '#errors.js';
import { int } from '#graph/onnx/attributes.js';
import { DataType, GraphBuilder } from '#graph/onnx/graph-builder.js';
import {
  cpuMemoryInfo,
  Environment,
  IoBinding,
  OrtError,
  RunOptions,
  Session,
  Tensor,
} from '#runtime/index.js';
import { floats, loadBuilt, loadGraph, longs, run } from '#test/support/run-graph.js';

/** y = x + x, of any length. */
function doubling(): GraphBuilder {
  const graph = new GraphBuilder();
  const x = graph.input('x', DataType.FLOAT, ['n']);
  graph.output(graph.node({ op: 'Add', inputs: [x, x], name: 'y' }), DataType.FLOAT, ['n']);
  return graph;
}

const SIDE = 384;

/** A chain of matrix products that takes long enough to be seen at work. */
function slow(): GraphBuilder {
  const graph = new GraphBuilder();
  const identity = new Float32Array(SIDE * SIDE).map((_, i) => (i % (SIDE + 1) === 0 ? 1 : 0));
  const w = graph.initializer('w', DataType.FLOAT, [SIDE, SIDE], () => identity);
  let x = graph.input('x', DataType.FLOAT, [SIDE, SIDE]);
  for (let i = 0; i < 200; i++) x = graph.node({ op: 'MatMul', inputs: [x, w], name: `x${i}` });
  graph.output(x, DataType.FLOAT, [SIDE, SIDE]);
  return graph;
}

/** Far faster for large arrays than a comparison that could also tell the difference. */
function same(a: Float32Array, b: Float32Array): boolean {
  return Buffer.from(a.buffer).equals(Buffer.from(b.buffer));
}

/** A slow run, ready to start. */
async function slowRun(t: Test) {
  const session = await loadBuilt(t.testdir(), slow());
  const input = Float32Array.from({ length: SIDE * SIDE }, (_, i) => i);
  const output = new Float32Array(SIDE * SIDE);
  const x = Tensor.fromArray(input, [SIDE, SIDE]);
  const y = Tensor.fromArray(output, [SIDE, SIDE]);
  const options = new RunOptions();
  const binding = new IoBinding(session).bindInput('x', x).bindOutput(session.outputs[0]!.name, y);
  t.teardown(() => [binding, options, x, y, session].forEach(handle => handle.dispose()));
  return { session, binding, options, input, output };
}

t.test('a session tells its inputs and outputs', async t => {
  const graph = new GraphBuilder();
  const types = [
    ['float16', DataType.FLOAT16],
    ['bool', DataType.BOOL],
    ['int8', DataType.INT8],
    ['uint64', DataType.UINT64],
    ['float64', DataType.DOUBLE],
    ['string', DataType.STRING],
  ] as const;
  for (const [name, type] of types) {
    graph.input(name, type, ['batch', 3]);
    graph.output(graph.node({ op: 'Identity', inputs: [name], name: `${name}.out` }), type, ['batch', 3]);
  }
  graph.input('scalar', DataType.INT64, []);
  graph.input('unnamed', DataType.INT64, ['']);
  using session = await loadBuilt(t.testdir(), graph);
  const infos = types.map(([name]) => ({ name, type: name, shape: ['batch', 3] }));
  t.strictSame(session.inputs, [
    ...infos,
    { name: 'scalar', type: 'int64', shape: [] },
    { name: 'unnamed', type: 'int64', shape: [''] },
  ]);
  t.strictSame(
    session.outputs,
    infos.map(info => ({ ...info, name: `${info.name}.out` })),
  );
});

t.test('what cannot be loaded', async t => {
  const folder = t.testdir({ 'broken.onnx': 'this is no model', 'empty.onnx': '' });
  const absent = path.join(folder, 'absent.onnx');
  const failure = { name: 'KvasirError', code: 'runtime_failure' };
  await t.rejects(loadGraph(absent), { ...failure, ortCode: 'NO_SUCHFILE', message: /absent\.onnx/ });
  await t.rejects(loadGraph(path.join(folder, 'broken.onnx')), { ...failure, ortCode: 'INVALID_PROTOBUF' });
  await t.rejects(loadGraph(path.join(folder, 'empty.onnx')), failure);

  const unknown = new GraphBuilder();
  unknown.output(unknown.node({ op: 'Frobnicate', inputs: [], name: 'y' }), DataType.FLOAT, [1]);
  await t.rejects(loadBuilt(t.testdir(), unknown), { ...failure, message: /Frobnicate/ });

  const cut = new GraphBuilder();
  const w = cut.initializer('w', DataType.FLOAT, [4], () => new Float32Array(4));
  cut.output(cut.node({ op: 'Neg', inputs: [w], name: 'y' }), DataType.FLOAT, [4]);
  await cut.save(path.join(folder, 'cut.onnx'));
  await writeFile(path.join(folder, 'cut.onnx.data'), 'short');
  await t.rejects(loadGraph(path.join(folder, 'cut.onnx')), failure);

  const settings = { config: { ['k'.repeat(2000)]: '' } };
  await doubling().save(path.join(folder, 'good.onnx'));
  await t.rejects(loadGraph(path.join(folder, 'good.onnx'), settings), failure, 'a setting that is refused');
});

t.test('settings of a session', async t => {
  const folder = t.testdir();
  const file = path.join(folder, 'graph.onnx');
  await doubling().save(file);
  const settings = {
    intraOpThreads: 2,
    optimization: 'none',
    spinning: false,
    config: { 'session.set_denormal_as_zero': '1' },
  } as const;
  using session = await loadGraph(file, settings);
  using x = floats([1, 2]);
  using y = (await run(session, { x })).y!;
  t.strictSame(y.toArray(), Float32Array.of(2, 4));
});

t.test('the environment knows its library, and outlives its sessions', async t => {
  const environment = new Environment({ logLevel: 'fatal' });
  t.match(environment.version, /^1\.\d+\.\d+$/);
  t.match(environment.libraryPath, /onnxruntime/);
  const file = path.join(t.testdir(), 'graph.onnx');
  await doubling().save(file);
  const loading = Session.load(environment, file);
  t.throws(() => environment.dispose(), { message: 'Environment cannot be disposed while it is in use' });
  const session = await loading;
  t.throws(() => environment.dispose(), { message: 'Environment cannot be disposed while it is in use' });
  session.dispose();
  environment.dispose();
  t.ok(environment.disposed);
  await t.rejects(Session.load(environment, file), { message: 'Environment was used after it was disposed' });
});

t.test('runs that are fed wrongly', async t => {
  const graph = new GraphBuilder();
  const x = graph.input('x', DataType.FLOAT, [2, 3]);
  graph.output(graph.node({ op: 'Neg', inputs: [x], name: 'y' }), DataType.FLOAT, [2, 3]);
  using session = await loadBuilt(t.testdir(), graph);
  const failure = { name: 'KvasirError', code: 'runtime_failure' };
  const invalid = { ...failure, ortCode: 'INVALID_ARGUMENT' };
  for (const [name, tensor, message] of [
    ['another size', floats([1, 2, 3, 4], [2, 2]), /x.*index: 1 Got: 2 Expected: 3/s],
    ['another rank', floats([1, 2, 3]), /rank/i],
    ['another type', longs([1, 2, 3, 4, 5, 6], [2, 3]), /data type/],
  ] as const) {
    using wrong = tensor;
    await t.rejects(run(session, { x: wrong }), { ...invalid, message }, name);
  }
  await t.rejects(run(session, {}), { ...failure, message: /x/ }, 'no input');
  using right = floats([1, 2, 3, 4, 5, 6], [2, 3]);
  await t.rejects(run(session, { x: right, z: right }), { ...failure, message: /z/ }, 'an input too many');

  using binding = new IoBinding(session).bindInput('x', right);
  using options = new RunOptions();
  using small = floats([0, 0], [1, 2]);
  binding.bindOutput('y', small);
  await t.rejects(session.run(binding, options), failure, 'an output too small');

  using y = (await run(session, { x: right })).y!;
  t.strictSame(y.toArray(), Float32Array.of(-1, -2, -3, -4, -5, -6), 'the session works all the same');
});

t.test('errors carry the code and text of ONNX Runtime', async t => {
  const error: unknown = await loadGraph(path.join(t.testdir(), 'absent.onnx')).then(
    () => undefined,
    (error: unknown) => error,
  );
  t.ok(error instanceof OrtError && error instanceof KvasirError);
  t.match((error as Error).message, /^ONNX Runtime: NO_SUCHFILE: Load model from .*absent\.onnx failed/);
});

t.test('a run leaves the event loop free', async t => {
  const { session, binding, options, input, output } = await slowRun(t);
  let ticks = 0;
  const timer = setInterval(() => ticks++, 2);
  await session.run(binding, options);
  clearInterval(timer);
  t.ok(same(output, input));
  t.ok(ticks > 0, 'were the loop blocked, the timer would not come to tick before the run has ended');
});

t.test('a run can be ended early, and its options used again', async t => {
  const { session, binding, options, input, output } = await slowRun(t);
  const start = performance.now();
  await session.run(binding, options);
  const whole = performance.now() - start;
  t.ok(same(output, input));

  output.fill(-1);
  const running = session.run(binding, options);
  // The measured run may have been the slower one by far, on a busy machine.
  setTimeout(() => options.terminate(), Math.min(whole / 10, 10));
  await t.rejects(running, { code: 'runtime_failure', message: /terminate/i });
  t.notOk(same(output, input), 'it did not come to its end');
  await t.rejects(session.run(binding, options), { message: /terminate/i }, 'and so does the next run');

  options.reset();
  await session.run(binding, options);
  t.ok(same(output, input));
});

t.test('nothing is freed while a run uses it', async t => {
  const { session, binding, options, input, output } = await slowRun(t);
  const running = session.run(binding, options);
  for (const handle of [session, binding, options])
    t.throws(() => handle.dispose(), {
      code: 'runtime_failure',
      message: `${handle.constructor.name} cannot be disposed while it is in use`,
    });
  await running;
  t.ok(same(output, input));
  binding.dispose();
  options.dispose();
  session.dispose();
});

t.test('a binding keeps its session', async t => {
  const session = await loadBuilt(t.testdir(), doubling());
  const binding = new IoBinding(session);
  t.throws(() => session.dispose(), { message: 'Session cannot be disposed while it is in use' });
  binding.dispose();
  binding.dispose();
  session.dispose();
  t.ok(session.disposed);
});

t.test('nothing can be used after it was disposed', async t => {
  const session = await loadBuilt(t.testdir(), doubling());
  const binding = new IoBinding(session);
  const options = new RunOptions();
  const x = floats([1]);
  [x, binding, options].forEach(handle => handle.dispose());
  const gone = (name: string) => ({
    code: 'runtime_failure',
    message: `${name} was used after it was disposed`,
  });
  await t.rejects(session.run(binding, options), gone('IoBinding'));
  using fresh = new IoBinding(session);
  await t.rejects(session.run(fresh, options), gone('RunOptions'));
  t.throws(() => fresh.bindInput('x', x), gone('Tensor'));
  t.throws(() => options.terminate(), gone('RunOptions'));
  t.throws(() => options.reset(), gone('RunOptions'));
  fresh.dispose();
  session.dispose();
  await t.rejects(session.run(binding, options), gone('Session'));
  t.throws(() => new IoBinding(session), gone('Session'));
});

t.test('what only a run refers to is not collected under it', async t => {
  const session = await loadBuilt(t.testdir(), slow());
  t.teardown(() => session.dispose());
  const output = new Float32Array(SIDE * SIDE);
  const start = (): Promise<void> => {
    const binding = new IoBinding(session)
      .bindInput('x', Tensor.fromArray(new Float32Array(SIDE * SIDE).fill(3), [SIDE, SIDE]))
      .bindOutput(session.outputs[0]!.name, Tensor.fromArray(output, [SIDE, SIDE]));
    const options = new RunOptions();
    return session
      .run(binding, options)
      .finally(() => [binding, options].forEach(handle => handle.dispose()));
  };
  const running = start();
  const litter = setInterval(() => Array.from({ length: 20 }, () => new Float32Array(SIDE * SIDE)), 1);
  await running;
  clearInterval(litter);
  t.ok(output.every(value => value === 3));
});

t.test('several sessions run at once', async t => {
  const folder = t.testdir();
  const file = path.join(folder, 'graph.onnx');
  await doubling().save(file);
  const sessions = await Promise.all(Array.from({ length: 8 }, () => loadGraph(file)));
  const results = await Promise.all(
    sessions.map(async (session, i) => {
      using x = floats([i]);
      using y = (await run(session, { x })).y!;
      return y.toArray()[0];
    }),
  );
  t.strictSame(results, [0, 2, 4, 6, 8, 10, 12, 14]);
  sessions.forEach(session => session.dispose());
});

t.test('the same input may be bound on a device and written by the next run', async t => {
  using session = await loadBuilt(t.testdir(), doubling());
  using binding = new IoBinding(session);
  using options = new RunOptions();
  using x = floats([1]);
  binding.bindInput('x', x).bindOutputToDevice('y', cpuMemoryInfo());
  await session.run(binding, options);
  using first = binding.outputs()[0]!;
  binding.bindInput('x', first).bindOutputToDevice('y', cpuMemoryInfo());
  await session.run(binding, options);
  using second = binding.outputs()[0]!;
  t.strictSame(second.toArray(), Float32Array.of(4));
});

t.test('an attribute that is no number of an operator is refused at load', async t => {
  const graph = new GraphBuilder();
  const x = graph.input('x', DataType.FLOAT, [2]);
  const node = { op: 'Softmax', inputs: [x], name: 'y', attributes: { axis: int(7) } };
  graph.output(graph.node(node), DataType.FLOAT, [2]);
  await t.rejects(loadBuilt(t.testdir(), graph), { code: 'runtime_failure' });
});
