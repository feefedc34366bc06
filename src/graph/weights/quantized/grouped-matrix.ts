import {
  blockBytes,
  blocksPerRow,
  zeroPointBytes,
  type BlockLayout,
  type QuantizedMatrix,
} from '../../quantization/block-format.js';
import { packCodes } from '../../quantization/pack-codes.js';
import type { PackedRows } from '../packed-rows.js';

/**
 * A matrix of integers whose columns are in groups. In each row a group has a scale and a zero point:
 * `w = scale · (code - zeroPoint)`.
 */
export interface GroupedMatrix {
  readonly rows: number;
  readonly columns: number;
  /** Of a code, at most 8. */
  readonly bits: number;
  /** Neighbouring columns that are a group; the last group may have fewer. */
  readonly groupSize: number;
  /** The group of each column, where they are not in order. */
  readonly groupOf?: ArrayLike<number> | undefined;
  /** True if all zero points are the middle of the codes, `2^(bits - 1)`. */
  readonly symmetric: boolean;
  /** Rows `[first, last)`. */
  read(first: number, last: number): Promise<GroupedRows>;
}

/** Rows of a {@link GroupedMatrix}. */
export interface GroupedRows {
  /** `[rows, columns]` */
  readonly codes: Uint8Array;
  /** `[rows, groups]` */
  readonly scales: Float32Array;
  /** `[rows, groups]`; left out where the matrix is symmetric. */
  readonly zeroPoints?: Uint8Array | undefined;
}

/** Rows as floats. */
export async function groupedFloats(
  matrix: GroupedMatrix,
  first: number,
  last: number,
): Promise<Float32Array> {
  const { columns, groupSize, groupOf, bits } = matrix;
  const { codes, scales, zeroPoints } = await matrix.read(first, last);
  const groups = scales.length / (last - first);
  const middle = 2 ** (bits - 1);
  const floats = new Float32Array(codes.length);
  for (let row = 0, i = 0; row < last - first; row++)
    for (let column = 0; column < columns; column++, i++) {
      const group = row * groups + (groupOf?.[column] ?? Math.floor(column / groupSize));
      floats[i] = scales[group]! * (codes[i]! - (zeroPoints?.[group] ?? middle));
    }
  return floats;
}

/** Sizes of blocks that graphs run, the quickest first. */
const BLOCK_SIZES = [128, 64, 32, 16];

/**
 * The matrix in blocks, without loss, where groups and rows are made of whole blocks; undefined where they are not.
 * Several blocks of a group have its scale and its zero point. Codes of less than 4 bits take 4.
 */
export function packGroups(matrix: GroupedMatrix): PackedRows | undefined {
  const { columns, groupSize, groupOf, bits, symmetric } = matrix;
  if (groupOf !== undefined) return undefined;
  const blockSize = BLOCK_SIZES.find(
    size => columns % size === 0 && (groupSize % size === 0 || groupSize >= columns),
  );
  if (blockSize === undefined) return undefined;
  const layout: BlockLayout = { bits: bits <= 4 ? 4 : 8, blockSize, symmetric };
  return {
    layout,
    sumCopies: 0,
    async rows(first, last) {
      return packRows(matrix, layout, await matrix.read(first, last), last - first);
    },
  };
}

function emptyMatrix(layout: BlockLayout, rows: number, columns: number): QuantizedMatrix {
  const blocks = blocksPerRow(layout, columns);
  return {
    codes: new Uint8Array(rows * blocks * blockBytes(layout)),
    scales: new Float32Array(rows * blocks),
    zeroPoints: layout.symmetric ? undefined : new Uint8Array(rows * zeroPointBytes(layout, columns)),
  };
}

function packRows(
  { columns, groupSize, bits }: GroupedMatrix,
  layout: BlockLayout,
  { codes, scales, zeroPoints }: GroupedRows,
  rows: number,
): QuantizedMatrix {
  const target = emptyMatrix(layout, rows, columns);
  const { blockSize, symmetric } = layout;
  const blocks = blocksPerRow(layout, columns);
  const groups = Math.ceil(columns / groupSize);
  // The middle of the codes is another one with more bits.
  const raised = symmetric ? 2 ** (layout.bits - 1) - 2 ** (bits - 1) : 0;
  const rowCodes = new Uint8Array(blocks * blockSize);
  const rowZeros = new Uint8Array(blocks);
  const groupOfBlock = Array.from({ length: blocks }, (_, i) => Math.floor((i * blockSize) / groupSize));
  for (let row = 0; row < rows; row++) {
    for (let i = 0; i < columns; i++) rowCodes[i] = codes[row * columns + i]! + raised;
    for (let block = 0; block < blocks; block++) {
      const group = row * groups + groupOfBlock[block]!;
      target.scales[row * blocks + block] = scales[group]!;
      rowZeros[block] = zeroPoints?.[group] ?? 0;
    }
    packCodes(layout.bits, rowCodes, target.codes, row * blocks * blockBytes(layout));
    if (target.zeroPoints !== undefined)
      packCodes(layout.bits, rowZeros, target.zeroPoints, row * zeroPointBytes(layout, columns));
  }
  return target;
}
