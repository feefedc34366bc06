import { blocksPerRow, blockBytes, zeroPointBytes } from '../quantization/block-format.js';
import type { BlockLayout, QuantizedMatrix } from '../quantization/block-format.js';
import { concat } from './concat.js';

/** A matrix that is stored quantized, in a layout that graphs run as it is: its numbers need not become floats. */
export interface PackedRows {
  readonly layout: BlockLayout;
  /**
   * How often the sums of each block of inputs follow the inputs, as further columns: that is how a block has a
   * minimum which is no multiple of its scale, see `weights/block-minimums.ts`. 0: the columns are the matrix's.
   */
  readonly sumCopies: number;
  /** Rows `[first, last)`, with all columns that there are, read from the file at each call. */
  rows(first: number, last: number): Promise<QuantizedMatrix>;
}

/** Columns of a packed matrix that stands for one of `columns`: its own, and those for sums. */
export function packedColumns({ layout, sumCopies }: Omit<PackedRows, 'rows'>, columns: number): number {
  return columns + sumCopies * blocksPerRow(layout, columns);
}

/** Bytes of a scale in a graph of 32-bit floats. */
const SCALE_BYTES = 4;

/** Bytes that a packed matrix of so many rows and columns takes in a graph. */
export function packedBytes(packing: Omit<PackedRows, 'rows'>, rows: number, columns: number): number {
  const { layout } = packing;
  const width = packedColumns(packing, columns);
  const zeroBytes = layout.symmetric ? 0 : zeroPointBytes(layout, width);
  return rows * (blocksPerRow(layout, width) * (blockBytes(layout) + SCALE_BYTES) + zeroBytes);
}

/**
 * One under the other: a packed matrix where every part is packed in the same layout, else undefined.
 *
 * @param parts each with its number of rows.
 */
export function stackPacked(
  parts: readonly { readonly rows: number; readonly packed?: PackedRows | undefined }[],
): PackedRows | undefined {
  const first = parts[0]?.packed;
  if (first === undefined || !parts.every(({ packed }) => isAlike(packed, first))) return undefined;
  return {
    ...first,
    async rows(from, to) {
      const pieces: QuantizedMatrix[] = [];
      let begin = 0;
      for (const { rows, packed } of parts) {
        const [first, last] = [Math.max(from - begin, 0), Math.min(to - begin, rows)];
        if (first < last) pieces.push(await packed!.rows(first, last));
        begin += rows;
      }
      return joined(pieces);
    },
  };
}

/** Rows `[begin, end)` of a packed matrix. */
export function slicePacked(
  source: PackedRows | undefined,
  begin: number,
  end: number,
): PackedRows | undefined {
  if (source === undefined) return undefined;
  return {
    ...source,
    rows: (first, last) => source.rows(begin + first, Math.min(begin + last, end)),
  };
}

/** A row that is none of the source's: all zeros. */
export const ZERO_ROW = -1;

/**
 * A packed matrix's rows in another order.
 *
 * @param columns of the matrix that it stands for.
 * @param rowOf the source's row that stands at a place, or {@link ZERO_ROW}. Neighbouring places should have rows that
 * are not far apart: all between them are read.
 */
export function pickPacked(
  source: PackedRows | undefined,
  columns: number,
  rowOf: (row: number) => number,
): PackedRows | undefined {
  if (source === undefined) return undefined;
  return {
    ...source,
    async rows(first, last) {
      const wanted = Array.from({ length: last - first }, (_, i) => rowOf(first + i));
      const real = wanted.filter(row => row !== ZERO_ROW);
      const begin = real.reduce((least, row) => Math.min(least, row), Infinity);
      const end = real.reduce((most, row) => Math.max(most, row + 1), 0);
      const span = real.length === 0 ? undefined : await source.rows(begin, end);
      return picked(
        source,
        packedColumns(source, columns),
        span,
        wanted.map(row => (row === ZERO_ROW ? row : row - begin)),
      );
    },
  };
}

/** Row 0 of the one, row 0 of the other, row 1 of the one, and so on. */
export function interleavePacked(
  even: PackedRows | undefined,
  odd: PackedRows | undefined,
  rows: number,
  columns: number,
): PackedRows | undefined {
  const both = stackPacked([
    { rows, packed: even },
    { rows, packed: odd },
  ]);
  return (
    both && {
      ...both,
      async rows(first, last) {
        const [from, to] = [first >> 1, (last + 1) >> 1];
        const pair = joined([await even!.rows(from, to), await odd!.rows(from, to)]);
        const order = Array.from({ length: last - first }, (_, i) => {
          const row = first + i;
          return (row >> 1) - from + (row % 2) * (to - from);
        });
        return picked(both, packedColumns(both, columns), pair, order);
      },
    }
  );
}

function picked(
  { layout }: PackedRows,
  columns: number,
  source: QuantizedMatrix | undefined,
  order: readonly number[],
): QuantizedMatrix {
  const blocks = blocksPerRow(layout, columns);
  const codeBytes = blocks * blockBytes(layout);
  const zeroBytes = layout.symmetric ? 0 : zeroPointBytes(layout, columns);
  const codes = new Uint8Array(order.length * codeBytes);
  const scales = new Float32Array(order.length * blocks);
  const zeroPoints = layout.symmetric ? undefined : new Uint8Array(order.length * zeroBytes);
  order.forEach((row, i) => {
    if (row === ZERO_ROW || source === undefined) return;
    codes.set(source.codes.subarray(row * codeBytes, (row + 1) * codeBytes), i * codeBytes);
    scales.set(source.scales.subarray(row * blocks, (row + 1) * blocks), i * blocks);
    zeroPoints?.set(source.zeroPoints!.subarray(row * zeroBytes, (row + 1) * zeroBytes), i * zeroBytes);
  });
  return { codes, scales, zeroPoints };
}

/** True if two matrices are packed in the same layout. */
export function isAlike(one: PackedRows | undefined, { layout, sumCopies }: PackedRows): boolean {
  return (
    one?.layout.bits === layout.bits &&
    one.layout.blockSize === layout.blockSize &&
    one.layout.symmetric === layout.symmetric &&
    one.sumCopies === sumCopies
  );
}

function joined(pieces: readonly QuantizedMatrix[]): QuantizedMatrix {
  if (pieces.length === 1) return pieces[0]!;
  const symmetric = pieces.every(({ zeroPoints }) => zeroPoints === undefined);
  return {
    codes: Buffer.concat(pieces.map(({ codes }) => codes)),
    scales: concat(pieces.map(({ scales }) => scales)),
    zeroPoints: symmetric ? undefined : Buffer.concat(pieces.map(({ zeroPoints }) => zeroPoints!)),
  };
}
