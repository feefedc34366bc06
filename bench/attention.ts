/**
 * Ways to attention in ONNX Runtime, by the rows of a chunk and what is in the cache before it: useful GFLOP/s,
 * where a row counts no more than what it may see. One layer of 9 query heads and 3 of keys and values, 64
 * features each, as SmolLM2-135M has; operators take turns, medians. Only the first two append to a cache, and
 * only they shut out what a row must not see: what the others take is what they would at best.
 *
 * Run: `npm run build && node dist/bench/attention.js`
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { float, int } from '#graph/onnx/attributes.js';
import { DataType, GraphBuilder, type Value } from '#graph/onnx/graph-builder.js';
import { cpuMemoryInfo, Environment, IoBinding, RunOptions, Session, Tensor } from '#runtime/index.js';
import { seededRandom } from '#test/support/seeded-random.js';
import { median } from './support/statistics.js';

const [HEADS, KV_HEADS, HEAD] = [9, 3, 64];
const ROUNDS = 15;
const SHAPES = [
  [16, 0],
  [64, 0],
  [256, 0],
  [512, 0],
  [1024, 0],
  [16, 512],
  [64, 512],
  [256, 512],
  [16, 2048],
  [64, 2048],
  [256, 2048],
  [512, 2048],
  [16, 8000],
  [256, 8000],
] as const;

/** A session with its inputs bound. */
interface Way {
  readonly run: () => Promise<void>;
  readonly dispose: () => void;
}

const environment = new Environment();
const folder = await mkdtemp(join(tmpdir(), 'kvasir-attention-'));
const random = seededRandom(5);
let graphs = 0;

type Shape = readonly number[];

async function open(
  write: (graph: GraphBuilder, input: (name: string, shape: Shape) => Value) => Value,
  lengths: Readonly<Record<string, readonly [Int32Array, Shape]>> = {},
  cache?: Shape,
): Promise<Way> {
  const graph = new GraphBuilder();
  const tensors: [string, Tensor][] = [];
  const input = (name: string, shape: Shape): Value => {
    const values = new Float32Array(shape.reduce((a, b) => a * b, 1));
    for (let i = 0; i < values.length; i++) values[i] = random() - 0.5;
    tensors.push([name, Tensor.fromArray(values, shape)]);
    return graph.input(name, DataType.FLOAT, shape);
  };
  for (const [name, [values, shape]] of Object.entries(lengths)) {
    tensors.push([name, Tensor.fromArray(values, shape)]);
    graph.input(name, DataType.INT32, shape);
  }
  const output = write(graph, input);
  graph.output(output, DataType.FLOAT, ['batch', 'rows', 'features']);
  const caches = ['present.key', 'present.value'];
  if (cache !== undefined) for (const name of caches) graph.output(name, DataType.FLOAT, cache);
  const file = join(folder, `${graphs++}.onnx`);
  await graph.save(file);
  const session = await Session.load(environment, file);
  const binding = new IoBinding(session);
  for (const [name, tensor] of tensors) binding.bindInput(name, tensor);
  binding.bindOutputToDevice(output, cpuMemoryInfo());
  if (cache !== undefined)
    for (const name of caches)
      binding.bindOutput(name, tensors.find(([other]) => other === name.replace('present', 'past'))![1]);
  const options = new RunOptions();
  return {
    run: () => session.run(binding, options),
    dispose: () => {
      for (const handle of [binding, options, session, ...tensors.map(([, tensor]) => tensor)])
        handle.dispose();
    },
  };
}

/** Appends to a cache and attends over it. */
function grouped(rows: number, past: number): Promise<Way> {
  const total = past + rows;
  const cache = [1, KV_HEADS, total, HEAD];
  return open(
    (graph, input) =>
      graph.node({
        op: 'GroupQueryAttention',
        domain: 'com.microsoft',
        inputs: [
          input('query', [1, rows, HEADS * HEAD]),
          input('key', [1, rows, KV_HEADS * HEAD]),
          input('value', [1, rows, KV_HEADS * HEAD]),
          input('past.key', cache),
          input('past.value', cache),
          'last',
          'total',
        ],
        name: 'attended',
        outputs: ['attended', 'present.key', 'present.value'],
        attributes: { num_heads: int(HEADS), kv_num_heads: int(KV_HEADS) },
      }),
    { last: [Int32Array.of(total - 1), [1]], total: [Int32Array.of(total), []] },
    cache,
  );
}

/** The same, some rows after the other, so that less is computed of what they must not see. */
async function inPieces(rows: number, past: number, size: number): Promise<Way> {
  const pieces: Way[] = [];
  for (let begin = 0; begin < rows; begin += size)
    pieces.push(await grouped(Math.min(size, rows - begin), past + begin));
  return {
    run: async () => {
      for (const piece of pieces) await piece.run();
    },
    dispose: () => {
      for (const piece of pieces) piece.dispose();
    },
  };
}

function attention(rows: number, past: number): Promise<Way> {
  const total = past + rows;
  return open((graph, input) =>
    graph.node({
      op: 'Attention',
      inputs: [
        input('query', [1, rows, HEADS * HEAD]),
        input('key', [1, total, KV_HEADS * HEAD]),
        input('value', [1, total, KV_HEADS * HEAD]),
      ],
      name: 'attended',
      attributes: { q_num_heads: int(HEADS), kv_num_heads: int(KV_HEADS) },
    }),
  );
}

function multiHead(rows: number, past: number): Promise<Way> {
  const total = past + rows;
  return open((graph, input) =>
    graph.node({
      op: 'MultiHeadAttention',
      domain: 'com.microsoft',
      inputs: [
        input('query', [1, rows, HEADS * HEAD]),
        input('key', [1, total, HEADS * HEAD]),
        input('value', [1, total, HEADS * HEAD]),
      ],
      name: 'attended',
      attributes: { num_heads: int(HEADS), scale: float(1 / Math.sqrt(HEAD)) },
    }),
  );
}

/** Two products and a softmax, the query heads of a group as rows. */
function products(rows: number, past: number): Promise<Way> {
  const total = past + rows;
  const group = (HEADS / KV_HEADS) * rows;
  return open((graph, input) => {
    const scores = graph.node({
      op: 'MatMul',
      inputs: [input('query', [KV_HEADS, group, HEAD]), input('key', [KV_HEADS, HEAD, total])],
      name: 'scores',
    });
    const shares = graph.node({
      op: 'Softmax',
      inputs: [scores],
      name: 'shares',
      attributes: { axis: int(-1) },
    });
    return graph.node({
      op: 'MatMul',
      inputs: [shares, input('value', [KV_HEADS, total, HEAD])],
      name: 'attended',
    });
  });
}

const WAYS: Readonly<Record<string, (rows: number, past: number) => Promise<Way>>> = {
  GroupQueryAttention: grouped,
  'the same, 64 rows at a time': (rows, past) => inPieces(rows, past, 64),
  Attention: attention,
  MultiHeadAttention: multiHead,
  'MatMul, Softmax, MatMul': products,
};

console.log(`| rows, past | ${Object.keys(WAYS).join(' | ')} |`);
console.log(
  `| --- | ${Object.keys(WAYS)
    .map(() => '--:')
    .join(' | ')} |`,
);
for (const [rows, past] of SHAPES) {
  const useful = 4 * HEAD * HEADS * (rows * past + (rows * (rows + 1)) / 2);
  const ways = await Promise.all(Object.values(WAYS).map(make => make(rows, past)));
  const times = ways.map((): number[] => []);
  for (let round = -2; round < ROUNDS; round++)
    for (const [i, way] of ways.entries()) {
      const began = performance.now();
      await way.run();
      if (round >= 0) times[i]!.push(performance.now() - began);
    }
  for (const way of ways) way.dispose();
  const rates = times.map(ms => (useful / median(ms) / 1e6).toFixed(0));
  console.log(`| ${rows}, ${past} | ${rates.join(' | ')} |`);
}
await rm(folder, { recursive: true });
