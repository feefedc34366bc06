/** ONNX Runtime's products and look-ups over blocks as GGUF files have them, against the numbers that the blocks stand for. */
import t, { type Test } from 'tap';
import { embed, embeddingTable, similarities } from '#graph/blocks/embedding.js';
import { linear } from '#graph/blocks/linear.js';
import { ModelGraph } from '#graph/model-graph.js';
import { DataType } from '#graph/onnx/graph-builder.js';
import { NUMBER_FORMATS } from '#graph/precision.js';
import type { Weight } from '#graph/weights/checkpoint.js';
import { blockFloats } from '#graph/weights/gguf/block-floats.js';
import { BLOCK_TYPES, type BlockType, type BlockTypeName } from '#graph/weights/gguf/block-types.js';
import { packingOf, repack } from '#graph/weights/gguf/repack.js';
import { loadMatrix, matrix, padRows, stackRows, type Matrix } from '#graph/weights/matrix.js';
import { blockFixtures } from '#test/support/gguf-fixtures.js';
import { evaluate, floats, longs } from '#test/support/run-graph.js';
import { seededRandom } from '#test/support/seeded-random.js';

const COLUMNS = 512;
const fixtures = await blockFixtures();

/** A weight of a type: the fixture's blocks, in turns. */
function weightOf(name: BlockTypeName, rows: number): Weight {
  const type: BlockType = BLOCK_TYPES[name];
  const { bytes } = fixtures.get(name)!;
  const rowBytes = (COLUMNS / type.blockSize) * type.blockBytes;
  const all = new Uint8Array(rows * rowBytes);
  for (let at = 0, block = 0; at < all.length; at += type.blockBytes, block = (block * 5 + 3) % 7) {
    const from = (block * type.blockBytes) % bytes.length;
    all.set(bytes.subarray(from, from + type.blockBytes), at);
  }
  return {
    name,
    shape: [rows, COLUMNS],
    load: async (first, last) => blockFloats(type, all).subarray(first, last),
    packed: {
      ...packingOf(type, COLUMNS),
      rows: (first, last) =>
        repack(type, last - first, COLUMNS, async (from, to) =>
          all.subarray((first + from) * rowBytes, (first + to) * rowBytes),
        ),
    },
  };
}

function inputs(count: number): number[] {
  const next = seededRandom(5);
  return Array.from({ length: count }, () => next() * 2 - 1);
}

/** Size of the difference in units of the expected values' size. */
function share(found: readonly number[], expected: readonly number[]): number {
  return Math.hypot(...found.map((value, i) => value - expected[i]!)) / Math.hypot(...expected);
}

async function product(source: Matrix, x: readonly number[]): Promise<number[]> {
  const weights = await loadMatrix(source);
  const { rows, columns } = source;
  return Array.from({ length: (x.length / columns) * rows }, (_, i) => {
    const [row, output] = [Math.floor(i / rows), i % rows];
    let sum = 0;
    for (let k = 0; k < columns; k++) sum += x[row * columns + k]! * weights[output * columns + k]!;
    return sum;
  });
}

/** Compares a product with that of the numbers: 8-bit activations are all that is between them. */
async function checkProduct(t: Test, source: Matrix): Promise<void> {
  const graph = new ModelGraph(NUMBER_FORMATS.stored);
  const x = graph.input('x', DataType.FLOAT, ['batch', 'rows', COLUMNS]);
  graph.output(linear(graph, 'y', x, source), DataType.FLOAT, ['batch', 'rows', source.rows]);
  const values = inputs(3 * COLUMNS);
  const { y } = await evaluate(t.testdir(), graph, { x: floats(values, [1, 3, COLUMNS]) });
  const off = share(y!.values, await product(source, values));
  t.ok(off < 0.015, `${off}`);
}

for (const name of Object.keys(BLOCK_TYPES) as BlockTypeName[])
  t.test(`a product with ${name}, and a table that is looked up, too`, async t => {
    await checkProduct(t, matrix(weightOf(name, 24)));

    const rows = 16;
    const weight = weightOf(name, rows);
    const graph = new ModelGraph(NUMBER_FORMATS.stored);
    const ids = graph.input('ids', DataType.INT64, ['batch', 'sequence']);
    const x = graph.input('x', DataType.FLOAT, ['rows', COLUMNS]);
    const table = embeddingTable(graph, 'table', weight);
    graph.output(embed(graph, 'embedded', table, ids), DataType.FLOAT, ['batch', 'sequence', COLUMNS]);
    graph.output(similarities(graph, 'y', table, x), DataType.FLOAT, ['rows', rows]);
    const wanted = [0, 15, 7, 7];
    const values = inputs(COLUMNS);
    const { embedded, y } = await evaluate(t.testdir(), graph, {
      ids: longs(wanted, [2, 2]),
      x: floats(values, [1, COLUMNS]),
    });
    const numbers = await weight.load();
    const expected = wanted.flatMap(id => [...numbers.subarray(id * COLUMNS, (id + 1) * COLUMNS)]);
    t.ok(share(embedded!.values, expected) < 0.001, 'rows are all but exact');
    t.ok(share(y!.values, await product(matrix(weight), values)) < 0.015);
  });

t.test('parts that are stored in several ways, with rows between heads', async t => {
  const parts = (['Q4_K', 'Q4_K', 'Q6_K'] as const).map(name => matrix(weightOf(name, 12)));
  const stacked = stackRows(parts);
  t.equal(stacked.packed, undefined, 'have no layout in common');
  await checkProduct(t, stacked);
  await checkProduct(t, padRows(stacked, 6, 8));
  const alike = padRows(stackRows(parts.slice(0, 2)), 6, 8);
  t.not(alike.packed, undefined);
  await checkProduct(t, alike);
});
