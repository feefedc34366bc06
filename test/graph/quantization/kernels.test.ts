/** The pinned ONNX Runtime's quantized kernels against the dequantized products. */
import t from 'tap';
import { seededRandom } from '#test/support/seeded-random.js';
import { embed, embeddingTable, similarities } from '#graph/blocks/embedding.js';
import { linear } from '#graph/blocks/linear.js';
import { ModelGraph } from '#graph/model-graph.js';
import { DataType } from '#graph/onnx/graph-builder.js';
import type { BlockFormat } from '#graph/quantization/block-format.js';
import { quantize } from '#graph/quantization/quantize.js';
import { dequantize } from '#test/support/dequantize.js';
import type { Matrix } from '#graph/weights/matrix.js';
import { evaluate, floats, longs } from '#test/support/run-graph.js';

function random(count: number, seed: number): Float32Array {
  const next = seededRandom(seed);
  return Float32Array.from({ length: count }, () => next() * 2 - 1);
}

function matrixOf(values: Float32Array, rows: number, columns: number): Matrix {
  return {
    rows,
    columns,
    async *pieces() {
      yield values;
    },
  };
}

/** [rows of x, columns, outputs]: single rows and batches, whole and partly empty blocks, odd sizes. */
const SIZES: [number, number, number][] = [
  [1, 64, 48],
  [1, 172, 40],
  [5, 172, 33],
  [8, 576, 24],
  [40, 192, 16],
];

for (const bits of [4, 8] as const) {
  for (const blockSize of [32, 64, 128]) {
    for (const symmetric of [true, false]) {
      const format: BlockFormat = { bits, blockSize, symmetric, method: 'round-to-nearest' };
      t.test(`MatMulNBits, ${JSON.stringify(format)}`, async t => {
        for (const [rows, columns, outputs] of SIZES) {
          const matrix = matrixOf(random(outputs * columns, 1), outputs, columns);
          const [x, bias] = [random(rows * columns, 2), random(outputs, 3)];
          const graph = new ModelGraph();
          const input = graph.input('x', DataType.FLOAT, ['rows', columns]);
          const vector = { size: outputs, load: async () => bias };
          const y = linear(graph, 'y', input, matrix, vector, format);
          graph.output(y, DataType.FLOAT, ['rows', outputs]);
          const result = await evaluate(t.testdir(), graph, { x: floats([...x], [rows, columns]) });
          const weights = dequantize(await quantize(matrix, format), format, outputs, columns);
          const worst = worstShareOfBound(x, weights, bias, result.y!.values, columns, blockSize);
          t.ok(worst <= 1, `${rows} x ${columns} x ${outputs}: ${worst.toFixed(3)} of what is allowed`);
        }
      });
    }
  }
}

/**
 * Largest error of a product in units of what 8-bit activations allow: each is off by at most half a step of
 * its block's scale (its largest magnitude / 127), times its weight, summed up.
 */
function worstShareOfBound(
  x: Float32Array,
  weights: Float32Array,
  bias: Float32Array,
  actual: readonly number[],
  columns: number,
  blockSize: number,
): number {
  const outputs = bias.length;
  let worst = 0;
  actual.forEach((value, i) => {
    const [row, output] = [Math.floor(i / outputs), i % outputs];
    let [exact, bound] = [bias[output]!, 1e-5];
    for (let begin = 0; begin < columns; begin += blockSize) {
      let [largest, weight] = [0, 0];
      for (let k = begin; k < Math.min(begin + blockSize, columns); k++) {
        const w = weights[output * columns + k]!;
        exact += x[row * columns + k]! * w;
        largest = Math.max(largest, Math.abs(x[row * columns + k]!));
        weight += Math.abs(w);
      }
      bound += (largest / 127 / 2) * weight;
    }
    const share = Math.abs(value - exact) / bound;
    if (!(share <= worst)) worst = share;
  });
  return worst;
}

for (const bits of [4, 8] as const) {
  for (const symmetric of [true, false]) {
    const format: BlockFormat = { bits, blockSize: 32, symmetric, method: 'round-to-nearest' };
    t.test(`GatherBlockQuantized and a product share a table, ${JSON.stringify(format)}`, async t => {
      const [rows, columns] = [50, 96];
      const values = random(rows * columns, 1);
      const graph = new ModelGraph();
      const ids = graph.input('ids', DataType.INT64, ['batch', 'sequence']);
      const x = graph.input('x', DataType.FLOAT, ['rows', columns]);
      const weight = { name: 'table', shape: [rows, columns], load: async () => values };
      const table = embeddingTable(graph, 'table', weight, format);
      t.ok('quantized' in table);
      graph.output(embed(graph, 'embedded', table, ids), DataType.FLOAT, ['batch', 'sequence', columns]);
      graph.output(similarities(graph, 'y', table, x), DataType.FLOAT, ['rows', rows]);

      const expected = dequantize(
        await quantize(matrixOf(values, rows, columns), format),
        format,
        rows,
        columns,
      );
      const row = (id: number): number[] => [...expected.subarray(id * columns, (id + 1) * columns)];
      const inputs = {
        ids: longs([0, 49, 7, 7], [2, 2]),
        x: floats([...random(2 * columns, 2)], [2, columns]),
      };
      const { embedded, y } = await evaluate(t.testdir(), graph, inputs);
      t.strictSame(embedded!.shape, [2, 2, columns]);
      t.strictSame(embedded!.values, [0, 49, 7, 7].flatMap(row), 'rows are dequantized exactly');
      const worst = worstShareOfBound(
        random(2 * columns, 2),
        expected,
        new Float32Array(rows),
        y!.values,
        columns,
        32,
      );
      t.ok(worst <= 1, `the product: ${worst.toFixed(3)} of what is allowed`);
    });
  }
}

t.test('a table whose rows are not whole blocks stays in floats', async t => {
  const format: BlockFormat = { bits: 8, blockSize: 64, symmetric: true, method: 'round-to-nearest' };
  const weight = { name: 'table', shape: [4, 40], load: async () => random(160, 1) };
  t.ok('floats' in embeddingTable(new ModelGraph(), 'table', weight, format));
});
