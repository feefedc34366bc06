import {
  blockBytes,
  blocksPerRow,
  zeroPointBytes,
  type BlockLayout,
  type QuantizedMatrix,
} from '../../quantization/block-format.js';
import { packCodes } from '../../quantization/pack-codes.js';
import { copiesOfSums, SumColumns } from '../block-minimums.js';
import { packedColumns, type PackedRows } from '../packed-rows.js';
import { decodeBlocks, type BlockType, type Levels } from './block-types.js';

/** The layout that a type's blocks are repacked into. */
export function layoutOf({ bits, partSize, hasMinimum }: BlockType): BlockLayout {
  return { bits, blockSize: partSize, symmetric: !hasMinimum };
}

/** What a matrix of a type and so many columns is packed in, but for its rows. */
export function packingOf(type: BlockType, columns: number): Omit<PackedRows, 'rows'> {
  const layout = layoutOf(type);
  return {
    layout,
    sumCopies: type.hasMinimum ? copiesOfSums(layout, blocksPerRow(layout, columns)) : 0,
  };
}

/** Elements that are repacked at once, about: what is between the file and the result stays in the processor's caches. */
const AT_ONCE = 2 ** 18;

/**
 * Rows of a type's blocks in the layout of {@link layoutOf}: the same integers and scales. Minimums become zero points
 * and columns for sums, see {@link SumColumns}.
 *
 * @param read the bytes of rows `[first, last)`.
 */
export async function repack(
  type: BlockType,
  rows: number,
  columns: number,
  read: (first: number, last: number) => Promise<Uint8Array>,
): Promise<QuantizedMatrix> {
  const packing = packingOf(type, columns);
  const { layout } = packing;
  const width = packedColumns(packing, columns);
  const blocks = blocksPerRow(layout, width);
  const result = {
    codes: new Uint8Array(rows * blocks * blockBytes(layout)),
    scales: new Float32Array(rows * blocks),
    zeroPoints: layout.symmetric ? undefined : new Uint8Array(rows * zeroPointBytes(layout, width)),
  };
  const most = Math.max(1, Math.floor(AT_ONCE / columns));
  for (let first = 0; first < rows; first += most) {
    const last = Math.min(rows, first + most);
    const levels = decodeBlocks(type, await read(first, last));
    if (layout.symmetric) storeSymmetric(layout, levels, columns, first, result);
    else storeWithMinimums(packing, levels, columns, first, result);
  }
  return result;
}

/** Levels around 0 become codes around the middle: rows have no other columns. */
function storeSymmetric(
  { bits, blockSize }: BlockLayout,
  { levels, scales }: Levels,
  columns: number,
  row: number,
  { codes, scales: allScales }: QuantizedMatrix,
): void {
  allScales.set(scales, (row * columns) / blockSize);
  const place = (row * columns * bits) / 8;
  // In two's complement, another highest bit is half of all codes more.
  if (bits === 8) {
    const words = new Uint32Array(levels.buffer);
    for (let i = 0; i < words.length; i++) words[i]! ^= 0x80808080;
    codes.set(new Uint8Array(levels.buffer), place);
  } else {
    for (let i = 0; i < levels.length; i += 2)
      codes[place + (i >> 1)] = ((levels[i]! & 15) | ((levels[i + 1]! & 15) << 4)) ^ 0x88;
  }
}

/** Codes are the levels; minimums become zero points and further columns. */
function storeWithMinimums(
  packing: Omit<PackedRows, 'rows'>,
  { levels, scales, minimums }: Levels,
  columns: number,
  firstRow: number,
  into: QuantizedMatrix,
): void {
  const { layout } = packing;
  const { bits } = layout;
  const width = packedColumns(packing, columns);
  const [ownBlocks, blocks] = [blocksPerRow(layout, columns), blocksPerRow(layout, width)];
  const [rowBytes, ownBytes] = [blocks * blockBytes(layout), ownBlocks * blockBytes(layout)];
  const zeroBytes = zeroPointBytes(layout, width);
  const codes = new Uint8Array(levels.buffer);
  const sums = new SumColumns(layout, ownBlocks);
  const zeros = new Uint8Array(blocks).fill(sums.zeroPoint);
  const missing = new Float64Array(ownBlocks);
  const rows = levels.length / columns;
  for (let i = 0; i < rows; i++) {
    const row = firstRow + i;
    const first = i * ownBlocks;
    for (let block = 0; block < ownBlocks; block++) {
      const [scale, minimum] = [scales[first + block]!, minimums[first + block]!];
      const zero = nearestZeroPoint(scale, minimum, bits);
      zeros[block] = zero;
      missing[block] = scale * zero - minimum;
    }
    sums.quantize(missing);
    packCodes(bits, codes.subarray(i * columns, (i + 1) * columns), into.codes, row * rowBytes);
    packCodes(bits, sums.codes, into.codes, row * rowBytes + ownBytes);
    into.scales.set(scales.subarray(first, first + ownBlocks), row * blocks);
    into.scales.set(sums.scales, row * blocks + ownBlocks);
    packCodes(bits, zeros, into.zeroPoints!, row * zeroBytes);
  }
}

function nearestZeroPoint(scale: number, minimum: number, bits: 4 | 8): number {
  if (scale === 0) return 0;
  return Math.max(0, Math.min(2 ** bits - 1, Math.round(minimum / scale)));
}
