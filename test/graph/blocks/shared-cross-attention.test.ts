import t, { type Test } from 'tap';
import { giveCrossCache } from '#graph/blocks/cross-attention.js';
import { sharedCrossAttention, sharedSources } from '#graph/blocks/shared-cross-attention.js';
import { ModelGraph } from '#graph/model-graph.js';
import { DataType } from '#graph/onnx/graph-builder.js';
import type { Session, Tensor } from '#runtime/index.js';
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
import { evaluate, floats, loadBuilt, longs, run } from '#test/support/run-graph.js';

/** Of each source. */
const POSITIONS = 3;
const SOURCES = 3;

const sourceOf = (source: number): number[][] => rowsOf('sources', source * POSITIONS, POSITIONS);

/** Keys and values of all sources, `[sources, heads, positions, head]`. */
async function cachesOf(t: Test): Promise<Record<'key' | 'value', readonly number[]>> {
  const graph = new ModelGraph();
  const hidden = graph.input('hidden', DataType.FLOAT, ['batch', POSITIONS, HIDDEN]);
  giveCrossCache(graph, 'source', 0, hidden, WEIGHTS, OPTIONS, POSITIONS);
  const sources = floats(TENSORS.sources!.values, [SOURCES, POSITIONS, HIDDEN]);
  const outputs = await evaluate(t.testdir(), graph, { hidden: sources });
  const of = (side: string): readonly number[] => outputs[`kept.0.${side}`]!.values;
  return { key: of('key'), value: of('value') };
}

async function attention(t: Test): Promise<Session> {
  const graph = new ModelGraph();
  const x = graph.input('x', DataType.FLOAT, ['batch', 'sequence', HIDDEN]);
  const y = sharedCrossAttention(graph, 'layer', 0, x, WEIGHTS, OPTIONS, sharedSources(graph), POSITIONS);
  graph.output(y, DataType.FLOAT, ['batch', 'sequence', HIDDEN]);
  return loadBuilt(t.testdir(), graph);
}

interface Attended {
  /** `[tokens, hidden]` */
  readonly y: number[][];
  readonly looks: readonly number[];
}

/**
 * Attends with the first rows of `x`.
 *
 * @param sequence tokens of a row.
 * @param readers the rows of `x` of each source.
 * @param together whether they stand together.
 */
async function attendInGraph(
  session: Session,
  { key, value }: Record<'key' | 'value', readonly number[]>,
  sequence: number,
  readers: readonly (readonly number[])[],
  together: boolean,
): Promise<Attended> {
  const tokens = readers.flat().length;
  const width = Math.max(...readers.map(rows => rows.length));
  const grid = readers.flatMap(rows => Array.from({ length: width }, (_, i) => rows[i] ?? 0));
  const places = Array.from({ length: tokens }, (_, token) => {
    const source = readers.findIndex(rows => rows.includes(token));
    return source * width + readers[source]!.indexOf(token);
  });
  const cache = (values: readonly number[]): Tensor =>
    floats(values, [readers.length, HEADS, 1, POSITIONS, PADDED]);
  const outputs = await run(session, {
    x: floats(rowsOf('x', 0, tokens).flat(), [tokens / sequence, sequence, HIDDEN]),
    cross_tokens: longs(grid, [readers.length, ...(together ? [1, width] : [width, 1])]),
    cross_places: longs(places, [tokens / sequence, sequence]),
    'cross.0.key': cache(key.slice(0, readers.length * HEADS * POSITIONS * PADDED)),
    'cross.0.value': cache(value.slice(0, readers.length * HEADS * POSITIONS * PADDED)),
  });
  const { looks, ...others } = Object.fromEntries(
    Object.entries(outputs).map(([name, tensor]) => [
      name.replace(/\..*/, ''),
      Array.from(tensor.toArray(), Number),
    ]),
  );
  const y = Object.values(others)[0]!;
  return {
    y: Array.from({ length: tokens }, (_, i) => y.slice(i * HIDDEN, (i + 1) * HIDDEN)),
    looks: looks!,
  };
}

t.test('tokens attend to the sources that they share, in any order', async t => {
  const caches = await cachesOf(t);
  using session = await attention(t);
  for (const readers of [[[0], [1], [2]], [[4, 0, 2], [5], [1, 3]], [[1, 0]]])
    for (const together of [false, true]) {
      const { y } = await attendInGraph(session, caches, 1, readers, together);
      const sources = rowsOf('x', 0, y.length).map((_, token) =>
        readers.findIndex(rows => rows.includes(token)),
      );
      agree(
        t,
        y,
        rowsOf('x', 0, y.length).map((x, token) => attend(x, sourceOf(sources[token]!))),
      );
    }
});

t.test('several tokens of a row, and how much of each position they take', async t => {
  const caches = await cachesOf(t);
  using session = await attention(t);
  const { y, looks } = await attendInGraph(session, caches, 6, [[0, 1, 2, 3, 4, 5]], true);
  agree(
    t,
    y,
    rowsOf('x', 0, 6).map(x => attend(x, sourceOf(0))),
  );
  t.equal(looks.length, HEADS * 6 * POSITIONS);
  for (let row = 0; row < HEADS * 6; row++) {
    const sum = looks.slice(row * POSITIONS, (row + 1) * POSITIONS).reduce((a, b) => a + b);
    t.ok(Math.abs(sum - 1) < 1e-6);
  }
});

t.test('tokens that stand apart change nothing for each other, nor does a source of no numbers', async t => {
  const caches = await cachesOf(t);
  using session = await attention(t);
  const { y: alone } = await attendInGraph(session, caches, 1, [[0]], false);
  const spoiled = {
    key: caches.key.map((value, i) => (i < HEADS * POSITIONS * PADDED ? value : NaN)),
    value: caches.value.map((value, i) => (i < HEADS * POSITIONS * PADDED ? value : NaN)),
  };
  const { y: shared } = await attendInGraph(session, spoiled, 1, [[1, 0], [2]], false);
  t.strictSame(shared[0], alone[0]);
  t.ok(shared[2]!.every(Number.isNaN));
});
