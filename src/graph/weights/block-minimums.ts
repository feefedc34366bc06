import type { BlockLayout } from '../quantization/block-format.js';

/**
 * How often the sums of blocks must follow a row's inputs, so that what zero points leave of the blocks' minimums
 * is all but exact: see {@link minimumCodes}.
 */
export function copiesOfSums({ bits, blockSize }: Omit<BlockLayout, 'symmetric'>, blocks: number): number {
  if (bits === 8) return 1;
  return 1 + secondCopy(blocks, blockSize);
}

/**
 * Codes of the columns for sums. A block's numbers are `scale · code - minimum`; the product has
 * `scale · (code - zeroPoint)` of it, for a whole zero point. What is missing, `scale · zeroPoint - minimum`, is the
 * same for all of the block's columns, so it is multiplied by the sum of their inputs: the sums are further inputs,
 * and what is missing are their weights. These are quantized, too, in blocks as all others. 8 bits hold them to a 254th
 * of the largest in a block; with 4 bits the sums are there twice, and the second time they are multiplied by what the
 * first one left.
 */
export interface MinimumCodes {
  /** One for each further column, up to the end of the last block. */
  readonly codes: Uint8Array;
  /** One for each further block. */
  readonly scales: Float32Array;
  /** The zero point of all of them. */
  readonly zeroPoint: number;
}

/**
 * Quantizes what is missing of a row's blocks.
 *
 * @param missing one for each block of the row.
 */
export function minimumCodes(
  { bits, blockSize }: Omit<BlockLayout, 'symmetric'>,
  missing: Float64Array,
): MinimumCodes {
  const blocks = missing.length;
  const copies = copiesOfSums({ bits, blockSize }, blocks);
  const furtherBlocks = Math.ceil((copies * blocks) / blockSize);
  const zeroPoint = 2 ** (bits - 1);
  const codes = new Uint8Array(furtherBlocks * blockSize).fill(zeroPoint);
  const scales = new Float32Array(furtherBlocks);
  const rest = Float64Array.from(missing);
  const firsts = bits === 8 ? [0] : [0, (copies - 1) * blocks];
  for (const first of firsts) quantizeInto(codes, scales, rest, first, blockSize, zeroPoint);
  return { codes, scales, zeroPoint };
}

/** The first copy that begins behind the last block of the one before all: no block has columns of both. */
function secondCopy(blocks: number, blockSize: number): number {
  return Math.ceil((Math.ceil(blocks / blockSize) * blockSize) / blocks);
}

/** Quantizes `rest` into the columns from `first` on, by their blocks, and leaves in it what is lost. */
function quantizeInto(
  codes: Uint8Array,
  scales: Float32Array,
  rest: Float64Array,
  first: number,
  blockSize: number,
  zeroPoint: number,
): void {
  const end = first + rest.length;
  for (let begin = first; begin < end;) {
    const block = Math.floor(begin / blockSize);
    const next = Math.min(end, (block + 1) * blockSize);
    let largest = 0;
    for (let i = begin; i < next; i++) largest = Math.max(largest, Math.abs(rest[i - first]!));
    const scale = Math.fround(largest / (zeroPoint - 1));
    scales[block] = scale;
    for (let i = begin; i < next && scale > 0; i++) {
      const level = Math.max(1 - zeroPoint, Math.min(zeroPoint - 1, Math.round(rest[i - first]! / scale)));
      codes[i] = level + zeroPoint;
      rest[i - first]! -= level * scale;
    }
    begin = next;
  }
}
