import { readFileSync } from 'node:fs';
import { truncate } from 'node:fs/promises';
import path from 'node:path';
import t, { type Test } from 'tap';
import { DataType, GraphBuilder } from '#graph/onnx/graph-builder.js';
import { readOnnxFile } from '#model/onnx-file.js';
import {
  CAN_MAP_FILES,
  Environment,
  IoBinding,
  RunOptions,
  Session,
  SharedWeights,
  Tensor,
} from '#runtime/index.js';

/** So large that its memory goes back to the system when it is freed. */
const SIDE = 3072;
const skip = !CAN_MAP_FILES && 'files cannot be mapped here';

/** y = x W, or its double. */
function product(doubles: boolean): GraphBuilder {
  const graph = new GraphBuilder();
  const x = graph.input('x', DataType.FLOAT, ['n', SIDE]);
  const weights = Float32Array.from({ length: SIDE * SIDE }, (_, i) => ((i * 7919) % 64) / 64 - 0.5);
  const w = graph.initializer('w', DataType.FLOAT, [SIDE, SIDE], () => weights);
  const y = graph.node({ op: 'MatMul', inputs: [x, w], name: doubles ? 'once' : 'y' });
  if (doubles) graph.node({ op: 'Add', inputs: [y, y], name: 'y' });
  graph.output('y', DataType.FLOAT, ['n', SIDE]);
  return graph;
}

async function saved(t: Test) {
  const folder = t.testdir();
  const [first, second] = ['first.onnx', 'second.onnx'].map(name => path.join(folder, name)) as [
    string,
    string,
  ];
  const graph = product(false);
  await graph.save(first);
  await product(true).saveBeside(second, graph);
  const { weights } = await readOnnxFile(second);
  const stored = weights.map(({ external, ...weight }) => ({ ...weight, ...external! }));
  return { first, second, data: `${first}.data`, stored };
}

async function run(session: Session): Promise<Float32Array> {
  const input = Float32Array.from({ length: SIDE }, (_, i) => (i % 5) - 2);
  const output = new Float32Array(SIDE);
  using x = Tensor.fromArray(input, [1, SIDE]);
  using y = Tensor.fromArray(output, [1, SIDE]);
  using binding = new IoBinding(session);
  using options = new RunOptions();
  await session.run(binding.bindInput('x', x).bindOutput('y', y), options);
  return output;
}

/** Bytes of memory that this process has for itself, without pages of files. */
function ownMemory(): number {
  return 1024 * Number(/RssAnon:\s+(\d+)/.exec(readFileSync('/proc/self/status', 'utf8'))![1]);
}

t.test(
  'two graphs have the numbers that each has by itself, and one copy of the weights',
  { skip },
  async t => {
    const { first, second, data, stored } = await saved(t);
    const environment = new Environment({ logLevel: 'fatal' });
    const alone = await Session.load(environment, first);
    const expected = await run(alone);
    alone.dispose();

    const weights = new SharedWeights(data, stored);
    const one = await Session.load(environment, first, {}, weights);
    const before = process.platform === 'linux' ? ownMemory() : 0;
    const two = await Session.load(environment, second, {}, weights);
    if (process.platform === 'linux')
      t.ok(ownMemory() - before < SIDE * SIDE * 2, 'the second takes less than half of them');
    weights.release();
    t.strictSame(await run(one), expected);
    t.strictSame(
      await run(two),
      expected.map(value => 2 * value),
    );
    one.dispose();
    two.dispose();
    weights.dispose();
  },
);

t.test('a file that ends before its weights is refused, and no file at all', { skip }, async t => {
  const { data, stored } = await saved(t);
  await truncate(data, SIDE);
  t.throws(() => new SharedWeights(data, stored), {
    code: 'invalid_model',
    message: /has 3072 of 37748736 bytes/,
  });
  t.throws(() => new SharedWeights(`${data}.absent`, stored), { code: 'invalid_model' });
});

t.test('a graph goes beside another one only where that has its weights', async t => {
  const folder = t.testdir();
  const graph = new GraphBuilder();
  await graph.save(path.join(folder, 'empty.onnx'));
  await t.rejects(product(true).saveBeside(path.join(folder, 'x.onnx'), graph), /w has not been saved/);
});
