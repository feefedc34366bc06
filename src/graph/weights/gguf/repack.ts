import {
  blockBytes,
  blocksPerRow,
  zeroPointBytes,
  type BlockLayout,
  type QuantizedMatrix,
} from '../../quantization/block-format.js';
import { packCodes } from '../../quantization/pack-codes.js';
import { copiesOfSums, minimumCodes } from '../block-minimums.js';
import { packedColumns, type PackedRows } from '../packed-rows.js';
import { decodeBlocks, type BlockType } from './block-types.js';

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

/**
 * Rows of a type's blocks in the layout of {@link layoutOf}: the same integers and scales. Minimums become zero points
 * and columns for sums, see {@link minimumCodes}.
 */
export function repack(type: BlockType, bytes: Uint8Array, columns: number): QuantizedMatrix {
  const packing = packingOf(type, columns);
  const { layout } = packing;
  const { levels, scales, minimums } = decodeBlocks(type, bytes);
  const rows = levels.length / columns;
  const width = packedColumns(packing, columns);
  const [ownBlocks, blocks] = [blocksPerRow(layout, columns), blocksPerRow(layout, width)];
  const result = {
    codes: new Uint8Array(rows * blocks * blockBytes(layout)),
    scales: new Float32Array(rows * blocks),
    zeroPoints: layout.symmetric ? undefined : new Uint8Array(rows * zeroPointBytes(layout, width)),
  };
  const codes = new Uint8Array(blocks * layout.blockSize);
  const zeros = new Uint8Array(blocks);
  const missing = new Float64Array(ownBlocks);
  const middle = layout.symmetric ? 2 ** (layout.bits - 1) : 0;
  for (let row = 0; row < rows; row++) {
    const own = levels.subarray(row * columns, (row + 1) * columns);
    for (let i = 0; i < columns; i++) codes[i] = own[i]! + middle;
    const rowScales = scales.subarray(row * ownBlocks, (row + 1) * ownBlocks);
    result.scales.set(rowScales, row * blocks);
    if (result.zeroPoints !== undefined) {
      for (let block = 0; block < ownBlocks; block++) {
        const [scale, minimum] = [rowScales[block]!, minimums[row * ownBlocks + block]!];
        zeros[block] = nearestZeroPoint(scale, minimum, layout.bits);
        missing[block] = scale * zeros[block]! - minimum;
      }
      const further = minimumCodes(layout, missing);
      codes.set(further.codes, columns);
      result.scales.set(further.scales, row * blocks + ownBlocks);
      zeros.fill(further.zeroPoint, ownBlocks);
      packCodes(layout.bits, zeros, result.zeroPoints, row * zeroPointBytes(layout, width));
    }
    packCodes(layout.bits, codes, result.codes, row * blocks * blockBytes(layout));
  }
  return result;
}

function nearestZeroPoint(scale: number, minimum: number, bits: 4 | 8): number {
  if (scale === 0) return 0;
  return Math.max(0, Math.min(2 ** bits - 1, Math.round(minimum / scale)));
}
