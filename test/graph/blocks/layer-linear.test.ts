import t from 'tap';
import { layerLinear } from '#graph/blocks/layer-linear.js';
import { NUMBER_FORMATS } from '#graph/precision.js';
import { ModelGraph } from '#graph/model-graph.js';
import { DataType } from '#graph/onnx/graph-builder.js';
import type { Foreseen } from '#graph/quantization/foreseen.js';
import { quantizePerChannel, weightBits } from '#graph/quantization/per-channel.js';
import type { Matrix } from '#graph/weights/matrix.js';
import { linear } from '#test/reference/operations.js';
import { randomTensors } from '#test/support/random-tensors.js';
import { evaluate, floats } from '#test/support/run-graph.js';

const [ROWS, COLUMNS, TOKENS] = [40, 48, 9];
const { w, b, x } = randomTensors({ w: [ROWS, COLUMNS], b: [ROWS], x: [TOKENS, COLUMNS] });
/** Rows of very different sizes, one of them all zeros. */
const INPUT = x!.values.map((value, i) => value * [1, 1000, 0, 1e-3, 5][Math.floor(i / COLUMNS) % 5]!);
const MATRIX: Matrix = {
  rows: ROWS,
  columns: COLUMNS,
  async *pieces() {
    yield Float32Array.from(w!.values);
  },
};

function rowOf(values: readonly number[], index: number): number[] {
  return values.slice(index * COLUMNS, (index + 1) * COLUMNS);
}

/** A row with every value rounded to a multiple of its largest one's 127th, or `limit`th, part. */
function rounded(row: readonly number[], limit: number): number[] {
  const step = Math.max(...row.map(Math.abs)) / limit;
  return row.map(value => (step === 0 ? 0 : Math.round(value / step) * step));
}

async function run(
  folder: string,
  precision: 'f32' | 'w8a8',
  input: readonly number[],
  foreseen: Foreseen = {},
  matrix = MATRIX,
): Promise<number[][]> {
  const graph = new ModelGraph(NUMBER_FORMATS[precision]);
  const source = graph.input('x', DataType.FLOAT, ['tokens', COLUMNS]);
  graph.foresee(source, foreseen);
  const bias = { size: ROWS, load: async () => Float32Array.from(b!.values) };
  const outputs = ['first', 'second'].map(name => layerLinear(graph, name, source, matrix, bias));
  for (const output of outputs) graph.output(output, DataType.FLOAT, ['tokens', ROWS]);
  const tokens = input.length / COLUMNS;
  const results = await evaluate(folder, graph, { x: floats(input, [tokens, COLUMNS]) });
  const [first, second] = outputs.map(output => results[output]!.values);
  t.strictSame(first, second, 'two layers of one input');
  return Array.from({ length: tokens }, (_, i) => first!.slice(i * ROWS, (i + 1) * ROWS));
}

/** Largest difference in a row, by the size of the row's values. */
function error(actual: readonly number[], expected: readonly number[]): number {
  const size = Math.max(...expected.map(Math.abs));
  return Math.max(...expected.map((value, i) => Math.abs(value - actual[i]!))) / size;
}

t.test('floats', async t => {
  const results = await run(t.testdir(), 'f32', INPUT);
  results.forEach((result, i) => t.ok(error(result, linear(rowOf(INPUT, i), w!, b)) < 1e-5));
});

t.test(
  'integers: the product of the rounded weights and activations, near that of the true ones',
  async t => {
    const limit = weightBits() === 8 ? 127 : 63;
    const weights = Array.from({ length: ROWS }, (_, i) => rounded(rowOf(w!.values, i), limit)).flat();
    const results = await run(t.testdir(), 'w8a8', INPUT);
    results.forEach((result, i) => {
      const row = rowOf(INPUT, i);
      const quantized = linear(rounded(row, 127), { shape: w!.shape, values: weights }, b);
      t.ok(error(result, quantized) < 1e-4, `row ${i}: ${error(result, quantized)}`);
      t.ok(error(result, linear(row, w!, b)) < 0.03, `row ${i}: ${error(result, linear(row, w!, b))}`);
    });
  },
);

t.test('integers: a row does not depend on the others', async t => {
  const together = await run(t.testdir(), 'w8a8', INPUT);
  const folder = t.testdir();
  for (let i = 0; i < TOKENS; i++) t.strictSame((await run(folder, 'w8a8', rowOf(INPUT, i)))[0], together[i]);
});

t.test('integers: features that are foreseen to be large take no precision from the others', async t => {
  const magnitudes = Float32Array.from({ length: COLUMNS }, (_, i) => (i === 7 ? 200 : 1));
  const input = x!.values.map((value, i) => value * magnitudes[i % COLUMNS]!);
  // As in trained models, what reads a large feature has small weights for it.
  const small = w!.values.map((value, i) => value / magnitudes[i % COLUMNS]!);
  const expected = (i: number): number[] => linear(rowOf(input, i), { shape: w!.shape, values: small }, b);
  const matrix = {
    ...MATRIX,
    pieces: async function* () {
      yield Float32Array.from(small);
    },
  };
  const load = async (): Promise<Float32Array> => magnitudes;
  const [without, foreseen] = [
    await run(t.testdir(), 'w8a8', input, {}, matrix),
    await run(t.testdir(), 'w8a8', input, { magnitudes: { size: COLUMNS, load } }, matrix),
  ];
  for (let i = 0; i < TOKENS; i++) t.ok(error(foreseen[i]!, expected(i)) < 0.03, `row ${i}`);
  t.ok(
    without.some((row, i) => error(row, expected(i)) > 0.1),
    'which they would otherwise',
  );
});

t.test('integers: what is never below a number has all codes above it', async t => {
  const limit = weightBits() === 8 ? 127 : 63;
  const weights = Array.from({ length: ROWS }, (_, i) => rounded(rowOf(w!.values, i), limit)).flat();
  for (const lowest of [-0.17, 0]) {
    const input = INPUT.map(value => Math.max(value, lowest));
    const results = await run(t.testdir(), 'w8a8', input, { lowest });
    results.forEach((result, i) => {
      const row = rowOf(input, i);
      const above = rounded(
        row.map(value => value - lowest),
        255,
      ).map(value => value + lowest);
      const quantized = linear(above, { shape: w!.shape, values: weights }, b);
      t.ok(error(result, quantized) < 1e-4, `${lowest}, row ${i}: ${error(result, quantized)}`);
    });
  }
});

t.test('rows of weights have their own scales', async t => {
  const matrix: Matrix = {
    rows: 3,
    columns: 2,
    async *pieces() {
      yield Float32Array.of(1, -0.4, 0, 0, 31, 60);
    },
  };
  const { codes, scales } = await quantizePerChannel(matrix, 127);
  t.strictSame([...codes], [127, 0, 66, -51, 0, 127], 'transposed');
  t.strictSame([...scales], [1 / 127, 1, 60 / 127].map(Math.fround));
});

t.test('weights have 7 bits where the processor would overflow', async t => {
  t.equal(weightBits('x64', 'fpu avx2 avx512f'), 7);
  t.equal(weightBits('x64', 'fpu avx512_vnni'), 8);
  t.equal(weightBits('x64', 'avx_vnni fpu'), 8);
  t.equal(weightBits('x64', ''), 7);
  t.equal(weightBits('arm64', ''), 8);
});
