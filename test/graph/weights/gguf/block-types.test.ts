import fc from 'fast-check';
import t from 'tap';
import { blockFloats } from '#graph/weights/gguf/block-floats.js';
import { BLOCK_TYPES, type BlockType } from '#graph/weights/gguf/block-types.js';
import { packingOf, repack } from '#graph/weights/gguf/repack.js';
import { packedColumns } from '#graph/weights/packed-rows.js';
import { sizeOfType, type GgufType } from '#gguf/types.js';
import { GGUF_ELEMENTS } from '#test/reference/gguf.js';
import { dequantize } from '#test/support/dequantize.js';
import { blockFixtures } from '#test/support/gguf-fixtures.js';
import { runs } from '#test/support/property-runs.js';

const TYPES = Object.entries(BLOCK_TYPES) as [GgufType, BlockType][];

/** Blocks by the formulas, in double precision. */
function reference(type: string, bytes: Uint8Array): number[] {
  const { size, bytes: length, element } = GGUF_ELEMENTS[type]!;
  return Array.from({ length: (bytes.length / length) * size }, (_, i) => {
    const block = Math.floor(i / size);
    return element(bytes.subarray(block * length, (block + 1) * length), i % size);
  });
}

/** Bytes of blocks whose halves are small numbers, as those of weights. */
function anyBlocks(type: GgufType, count: number): fc.Arbitrary<Uint8Array> {
  const { blockBytes } = sizeOfType(type);
  return fc.uint8Array({ minLength: count * blockBytes, maxLength: count * blockBytes }).map(bytes => {
    for (let block = 0; block < count; block++)
      for (const place of HALVES[type] ?? [])
        // An exponent between 2^-13 and 2^2.
        bytes[block * blockBytes + place + 1]! &= 0xbf;
    if (type === 'MXFP4') for (let i = 0; i < bytes.length; i += blockBytes) bytes[i]! %= 140;
    return bytes;
  });
}

/** Where halves stand in a block. */
const HALVES: Partial<Record<GgufType, readonly number[]>> = {
  Q4_0: [0],
  Q4_1: [0, 2],
  Q5_0: [0],
  Q5_1: [0, 2],
  Q8_0: [0],
  Q2_K: [80, 82],
  Q3_K: [108],
  Q4_K: [0, 2],
  Q5_K: [0, 2],
  Q6_K: [208],
  IQ4_NL: [0],
  IQ4_XS: [0],
};

t.test("blocks are what Python's gguf makes of them", async t => {
  const fixtures = await blockFixtures();
  t.strictSame([...fixtures.keys()].sort(), TYPES.map(([name]) => name).sort());
  for (const [name, type] of TYPES) {
    const { bytes, values } = fixtures.get(name)!;
    t.strictSame(blockFloats(type, bytes), values, name);
  }
});

for (const [name, type] of TYPES)
  t.test(`any blocks of ${name}`, async t => {
    const { blockSize } = sizeOfType(name);
    // Rows of which the sums of blocks fill whole blocks, and of which they do not.
    for (const columns of [blockSize, 3 * blockSize, 32 * blockSize])
      await fc.assert(
        fc.asyncProperty(anyBlocks(name, (2 * columns) / blockSize), async bytes => {
          const exact = reference(name, bytes);
          const found = blockFloats(type, bytes);
          found.forEach((value, i) => {
            if (Math.abs(value - exact[i]!) > 1e-6 * Math.abs(exact[i]!) + 1e-9 * largest(exact))
              throw new Error(`element ${i} is ${value}, not ${exact[i]}`);
          });
          const repacked = await repackedNumbers(type, bytes, columns);
          const slack = type.hasMinimum ? slackOfMinimums(type, columns, exact) : exact.map(() => 0);
          repacked.forEach((value, i) => {
            if (Math.abs(value - found[i]!) > slack[i]! + 1e-6 * Math.abs(found[i]!))
              throw new Error(`element ${i} is repacked to ${value}, not ${found[i]} (${slack[i]} allowed)`);
          });
        }),
        runs(columns > 1024 ? 1 : 8),
      );
    t.equal(type.hasMinimum, packingOf(type, 256).sumCopies > 0);
  });

t.test('matrices that are repacked in parts are as their rows', async t => {
  const columns = 2048;
  for (const [name, type] of TYPES) {
    const rowBytes = (columns / type.blockSize) * type.blockBytes;
    const rows = fc.sample(anyBlocks(name, columns / type.blockSize), { seed: 1, numRuns: 3 });
    const count = 200;
    const all = new Uint8Array(count * rowBytes);
    for (let row = 0; row < count; row++) all.set(rows[row % rows.length]!, row * rowBytes);
    const whole = await repackedRows(type, all, columns);
    const single = await Promise.all(rows.map(row => repackedRows(type, row, columns)));
    for (const part of ['codes', 'scales', 'zeroPoints'] as const) {
      const length = single[0]![part]?.length ?? 0;
      const differs = Array.from({ length: count }, (_, row) => row).find(
        row => !isSame(whole[part]?.subarray(row * length, (row + 1) * length), single[row % 3]![part]),
      );
      t.equal(differs, undefined, `${name}, ${part}`);
    }
  }
});

function isSame(one: Uint8Array | Float32Array | undefined, other: typeof one): boolean {
  return one?.length === other?.length && (one?.every((value, i) => value === other![i]) ?? true);
}

function repackedRows(type: BlockType, bytes: Uint8Array, columns: number): ReturnType<typeof repack> {
  const rowBytes = (columns / type.blockSize) * type.blockBytes;
  return repack(type, bytes.length / rowBytes, columns, async (first, last) =>
    bytes.subarray(first * rowBytes, last * rowBytes),
  );
}

/** The numbers that a product with repacked rows multiplies by. */
async function repackedNumbers(type: BlockType, bytes: Uint8Array, columns: number): Promise<number[]> {
  const packing = packingOf(type, columns);
  const { layout, sumCopies } = packing;
  const width = packedColumns(packing, columns);
  const blocks = columns / layout.blockSize;
  const rows = ((bytes.length / type.blockBytes) * type.blockSize) / columns;
  const all = dequantize(
    await repackedRows(type, bytes, columns),
    { ...layout, method: 'round-to-nearest' },
    rows,
    width,
  );
  return Array.from({ length: rows * columns }, (_, i) => {
    const [row, column] = [Math.floor(i / columns), i % columns];
    let value = all[row * width + column]!;
    for (let copy = 0; copy < sumCopies; copy++)
      value += all[row * width + columns + copy * blocks + Math.floor(column / layout.blockSize)]!;
    return value;
  });
}

/** What sums may leave of the minimums, for each element: a share of the largest number in its row. */
function slackOfMinimums(type: BlockType, columns: number, exact: readonly number[]): number[] {
  const share = type.bits === 4 ? 1 / 95 : 1 / 125;
  return exact.flatMap((_, i) =>
    i % columns === 0 ? Array<number>(columns).fill(share * largest(exact.slice(i, i + columns))) : [],
  );
}

function largest(values: readonly number[]): number {
  return values.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
}
