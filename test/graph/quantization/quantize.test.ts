import t from 'tap';
import fc from 'fast-check';
import { seededRandom } from '#test/support/seeded-random.js';
import type { BlockFormat } from '#graph/quantization/block-format.js';
import { quantize } from '#graph/quantization/quantize.js';
import { dequantize } from '#test/support/dequantize.js';
import type { Matrix } from '#graph/weights/matrix.js';
import { runs } from '#test/support/property-runs.js';

const NEAREST = 'round-to-nearest';
const HALF_QUADRATIC = 'half-quadratic';

const formats = fc.record({
  bits: fc.constantFrom(4 as const, 8 as const),
  blockSize: fc.constantFrom(16, 32, 128),
  symmetric: fc.boolean(),
  method: fc.constantFrom(NEAREST, HALF_QUADRATIC),
}) as fc.Arbitrary<BlockFormat>;

/** A matrix whose rows come in pieces of one row. */
function matrixOf(values: Float32Array, rows: number, columns: number): Matrix {
  return {
    rows,
    columns,
    async *pieces() {
      for (let row = 0; row < rows; row++) yield values.subarray(row * columns, (row + 1) * columns);
    },
  };
}

/** Roughly normal weights. */
function normal(count: number, seed: number): Float32Array {
  const random = seededRandom(seed);
  return Float32Array.from({ length: count }, () => (random() + random() + random() - 1.5) / 10);
}

async function roundTrip(values: Float32Array, rows: number, columns: number, format: BlockFormat) {
  const result = await quantize(matrixOf(values, rows, columns), format);
  return { ...result, values: dequantize(result, format, rows, columns) };
}

t.test(
  'codes are packed as MatMulNBits reads them: low half first, blocks in order, the rest of a block 0',
  async t => {
    // Steps of 1 in the first block and 2 in the second; the largest magnitude falls on code 0.
    const row = [-8, -7, 0, 7, ...new Array<number>(12).fill(1), -16, 14];
    const four = { bits: 4, blockSize: 16, symmetric: true, method: NEAREST } as const;
    const { codes, scales, zeroPoints } = await quantize(matrixOf(Float32Array.from(row), 1, 18), four);
    t.strictSame([...scales], [1, 2]);
    t.equal(zeroPoints, undefined);
    t.strictSame(
      [...codes],
      [0x10, 0xf8, ...new Array<number>(6).fill(0x99), 0xf0, ...new Array<number>(7).fill(0x88)],
    );
    const eight = { ...four, bits: 8 } as const;
    const wide = await quantize(
      matrixOf(
        Float32Array.from(row, value => value * 16),
        1,
        18,
      ),
      eight,
    );
    t.strictSame([...wide.scales], [1, 2]);
    t.strictSame([...wide.codes.subarray(0, 5)], [0, 16, 128, 240, 144]);
  },
);

t.test('zero points are packed like codes, a row of them to whole bytes', async t => {
  const block = (low: number, high: number): number[] => [low, high, ...new Array<number>(14).fill(0)];
  const row = [...block(0, 15), ...block(-15, 0), ...block(-5, 10)];
  const format = { bits: 4, blockSize: 16, symmetric: false, method: NEAREST } as const;
  const { zeroPoints, scales } = await quantize(matrixOf(Float32Array.from([...row, ...row]), 2, 48), format);
  t.strictSame([...scales], [1, 1, 1, 1, 1, 1]);
  t.strictSame([...zeroPoints!], [0xf0, 0x05, 0xf0, 0x05]);
});

t.test('property: no weight inside the range is off by more than half a step, and 0 stays 0', async t => {
  await fc.assert(
    fc.asyncProperty(
      formats,
      fc.integer({ min: 1, max: 3 }),
      fc.integer({ min: 1, max: 70 }),
      fc.nat(),
      async (format, rows, columns, seed) => {
        const values = normal(rows * columns, seed);
        values[0] = 0;
        const nearest: BlockFormat = { ...format, method: NEAREST };
        const result = await roundTrip(values, rows, columns, nearest);
        const blocks = Math.ceil(columns / format.blockSize);
        t.equal(result.values[0], 0);
        values.forEach((value, i) => {
          const block = Math.floor(i / columns) * blocks + Math.floor((i % columns) / format.blockSize);
          const step = Math.abs(result.scales[block]!);
          // A symmetric format has one step less on the side where the largest magnitude is not.
          const slack = format.symmetric ? 1 : 0.5;
          if (Math.abs(result.values[i]! - value) > step * (slack + 1e-4))
            throw new Error(`${value} became ${result.values[i]} in steps of ${step}`);
        });
      },
    ),
    runs(60),
  );
});

t.test(
  'property: half-quadratic optimisation is never worse in its norm, and better on most matrices',
  async t => {
    const lpError = (a: Float32Array, b: Float32Array): number =>
      a.reduce((sum, value, i) => sum + Math.abs(value - b[i]!) ** 0.7, 0);
    let [better, all] = [0, 0];
    await fc.assert(
      fc.asyncProperty(
        formats,
        fc.integer({ min: 20, max: 200 }),
        fc.nat(),
        async (format, columns, seed) => {
          const values = normal(4 * columns, seed);
          const nearest = await roundTrip(values, 4, columns, { ...format, method: NEAREST });
          const improved = await roundTrip(values, 4, columns, { ...format, method: HALF_QUADRATIC });
          const [before, after] = [lpError(values, nearest.values), lpError(values, improved.values)];
          // The optimiser reads powers from a table.
          if (after > before * 1.01) throw new Error(`${before} became ${after}`);
          all++;
          if (after < before) better++;
        },
      ),
      runs(100),
    );
    t.ok(better > 0.8 * all, `better for ${better} of ${all}`);
  },
);

t.test('blocks of zeros, of one value, and of one sign', async t => {
  for (const symmetric of [true, false]) {
    for (const method of [NEAREST, HALF_QUADRATIC] as const) {
      const format = { bits: 4, blockSize: 16, symmetric, method } as const;
      const values = new Float32Array(48);
      values.fill(0.25, 16, 32);
      for (let i = 32; i < 48; i++) values[i] = -(i - 32) / 64;
      const result = await roundTrip(values, 1, 48, format);
      t.strictSame(result.values.subarray(0, 16), new Float32Array(16), 'zeros');
      t.strictSame(result.values.subarray(16, 32), new Float32Array(16).fill(0.25), 'one value');
      const step = Math.abs(result.scales[2]!);
      t.ok(step <= 15 / 64 / 8 + 1e-6 && step > 0, `one sign: steps of ${step}`);
    }
  }
});

t.test('scales are rounded before weights are divided by them', async t => {
  const format = { bits: 8, blockSize: 16, symmetric: true, method: NEAREST } as const;
  const coarse = (scale: number): number => Math.round(scale * 1024) / 1024;
  const values = normal(64, 5).map(value => value * 20);
  const { codes, scales } = await quantize(matrixOf(values, 1, 64), format, coarse);
  scales.forEach((scale, block) => {
    t.equal(scale, coarse(scale));
    for (let i = block * 16; i < block * 16 + 16; i++) {
      const exact = values[i]! / scale + 128;
      t.equal(codes[i], Math.min(255, Math.max(0, Math.floor(exact + 0.5))));
    }
  });
});

t.test('only one piece of a matrix is asked for at a time', async t => {
  let live = 0;
  const matrix: Matrix = {
    rows: 6,
    columns: 32,
    async *pieces() {
      for (let i = 0; i < 3; i++) {
        t.equal(++live, 1);
        yield normal(64, i);
        live--;
      }
    },
  };
  const format = { bits: 4, blockSize: 32, symmetric: false, method: NEAREST } as const;
  const { scales } = await quantize(matrix, format);
  t.ok(
    scales.every(scale => scale > 0),
    'all rows are filled',
  );
});
