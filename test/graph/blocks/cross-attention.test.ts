import t, { type Test } from 'tap';
import { crossAttention, fillCrossCache, sourceLengths } from '#graph/blocks/cross-attention.js';
import { ModelGraph } from '#graph/model-graph.js';
import { DataType } from '#graph/onnx/graph-builder.js';
import { IoBinding, RunOptions, Tensor, type Session } from '#runtime/index.js';
import {
  agree,
  attend,
  HEADS,
  HIDDEN,
  OPTIONS,
  PADDED,
  rowsOf,
  TENSORS,
  WEIGHTS,
} from '#test/support/cross-attention.js';
import { loadBuilt, longs } from '#test/support/run-graph.js';

/** Positions of a slot. */
const CAPACITY = 7;
const LENGTHS = [2, 6, 1];

/** Rows of `sources` that are a source's. */
function sourceOf(row: number): number[][] {
  return rowsOf(
    'sources',
    LENGTHS.slice(0, row).reduce((sum, length) => sum + length, 0),
    LENGTHS[row]!,
  );
}

const cacheElements = LENGTHS.length * HEADS * CAPACITY * PADDED;

/** Binds caches to both sides of a run. */
async function runInPlace(
  session: Session,
  caches: Readonly<Record<'key' | 'value', Float32Array>>,
  [first, rows]: readonly [number, number],
  bind: (binding: IoBinding) => void,
): Promise<void> {
  using options = new RunOptions();
  using binding = new IoBinding(session);
  const row = HEADS * CAPACITY * PADDED;
  for (const [side, cache] of Object.entries(caches)) {
    const part = cache.subarray(first * row, (first + rows) * row);
    const tensor = Tensor.fromArray(part, [rows, HEADS, CAPACITY, PADDED]);
    binding.bindInput(`cross.0.${side}`, tensor).bindOutput(`kept.0.${side}`, tensor);
  }
  bind(binding);
  await session.run(binding, options);
}

/** Caches that were full of NaN, with the keys and values of all sources. */
async function filled(t: Test): Promise<Record<'key' | 'value', Float32Array>> {
  const graph = new ModelGraph();
  const hidden = graph.input('hidden', DataType.FLOAT, ['tokens', HIDDEN]);
  const grid = graph.input('grid', DataType.INT64, ['batch', 'length']);
  fillCrossCache(graph, 'source', 0, hidden, WEIGHTS, OPTIONS, grid);
  using session = await loadBuilt(t.testdir(), graph);
  const caches = {
    key: new Float32Array(cacheElements).fill(NaN),
    value: new Float32Array(cacheElements).fill(NaN),
  };
  await runInPlace(session, caches, [0, LENGTHS.length], binding => {
    const { shape, values } = TENSORS.sources!;
    binding.bindInput('hidden', Tensor.fromArray(Float32Array.from(values), shape));
    const places = [0, 1, -1, -1, -1, -1, 2, 3, 4, 5, 6, 7, 8, -1, -1, -1, -1, -1];
    binding.bindInput('grid', longs(places, [3, 6]));
  });
  return caches;
}

async function attention(t: Test): Promise<Session> {
  const graph = new ModelGraph();
  const x = graph.input('x', DataType.FLOAT, ['batch', 'sequence', HIDDEN]);
  const y = crossAttention(graph, 'layer', 0, x, WEIGHTS, OPTIONS, sourceLengths(graph));
  graph.output(y, DataType.FLOAT, ['batch', 'sequence', HIDDEN]);
  return loadBuilt(t.testdir(), graph);
}

/** Attends with some rows of `x` from the slots from a first one on. */
async function attendInGraph(
  session: Session,
  caches: Record<'key' | 'value', Float32Array>,
  [first, rows]: readonly [number, number],
  sequence: number,
): Promise<number[][]> {
  const y = new Float32Array(rows * sequence * HIDDEN);
  const last = LENGTHS.slice(first, first + rows).map(length => length + sequence - 2);
  const longest = Math.max(...last) + 1;
  const bias = Float32Array.from({ length: sequence * longest }, (_, i) =>
    sequence > 1 && i % longest >= LENGTHS[first]! ? -1e9 : 0,
  );
  await runInPlace(session, caches, [first, rows], binding => {
    const x = Float32Array.from(rowsOf('x', 0, rows * sequence).flat());
    binding
      .bindInput('x', Tensor.fromArray(x, [rows, sequence, HIDDEN]))
      .bindInput('cross_seqlens_k', Tensor.fromArray(Int32Array.from(last), [rows]))
      .bindInput('cross_total', Tensor.fromArray(Int32Array.of(longest), []))
      .bindInput('cross_bias', Tensor.fromArray(bias, [1, 1, sequence, longest]))
      .bindOutput(
        session.outputs.find(({ name }) => !name.startsWith('kept'))!.name,
        Tensor.fromArray(y, [rows, sequence, HIDDEN]),
      );
  });
  return Array.from({ length: rows * sequence }, (_, i) =>
    Array.from(y.subarray(i * HIDDEN, (i + 1) * HIDDEN)),
  );
}

t.test('tokens attend to sources of different lengths, and not to what lies behind them', async t => {
  const caches = await filled(t);
  const size = CAPACITY * PADDED;
  for (const cache of Object.values(caches))
    LENGTHS.forEach((length, row) => {
      for (let head = 0; head < HEADS; head++)
        cache.fill(NaN, (row * HEADS + head) * size + length * PADDED, (row * HEADS + head + 1) * size);
    });
  const before = { key: caches.key.slice(), value: caches.value.slice() };
  using session = await attention(t);
  const attended = await attendInGraph(session, caches, [0, 3], 1);
  agree(
    t,
    attended,
    rowsOf('x', 0, 3).map((x, row) => attend(x, sourceOf(row))),
  );
  t.strictSame(caches, before, 'the caches stay as they are');
  const alone = await attendInGraph(session, caches, [0, 1], 1);
  t.strictSame(alone[0], attended[0], 'others change nothing');
});

t.test('several tokens of a target all see the whole source', async t => {
  const caches = await filled(t);
  // What lies behind a source must be finite here.
  for (const cache of Object.values(caches))
    cache.forEach((value, i) => {
      if (Number.isNaN(value)) cache[i] = 1e6;
    });
  using session = await attention(t);
  for (const slot of [0, 2]) {
    const attended = await attendInGraph(session, caches, [slot, 1], 6);
    agree(
      t,
      attended,
      rowsOf('x', 0, 6).map(x => attend(x, sourceOf(slot))),
    );
  }
});
