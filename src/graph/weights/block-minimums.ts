import type { BlockLayout } from '../quantization/block-format.js';

/**
 * How often the sums of blocks must follow a row's inputs, so that what zero points leave of the blocks' minimums
 * is all but exact: see {@link SumColumns}.
 */
export function copiesOfSums({ bits, blockSize }: Omit<BlockLayout, 'symmetric'>, blocks: number): number {
  if (bits === 8) return 1;
  return 1 + secondCopy(blocks, blockSize);
}

/**
 * The columns for sums of a row. A block's numbers are `scale · code - minimum`; the product has
 * `scale · (code - zeroPoint)` of it, for a whole zero point. What is missing, `scale · zeroPoint - minimum`, is the
 * same for all of the block's columns, so it is multiplied by the sum of their inputs: the sums are further inputs,
 * and what is missing are their weights. These are quantized, too, in blocks as all others. 8 bits hold them to a 254th
 * of the largest in a block; with 4 bits the sums are there twice, and the second time they are multiplied by what the
 * first one left.
 */
export class SumColumns {
  /** One for each further column, up to the end of the last block. */
  readonly codes: Uint8Array;
  /** One for each further block. */
  readonly scales: Float32Array;
  /** The zero point of all of them. */
  readonly zeroPoint: number;
  readonly #blockSize: number;
  /** The columns at which the sums begin, and begin again. */
  readonly #firsts: readonly number[];
  readonly #rest: Float64Array;

  /** @param blocks of a row. */
  constructor({ bits, blockSize }: Omit<BlockLayout, 'symmetric'>, blocks: number) {
    const copies = copiesOfSums({ bits, blockSize }, blocks);
    const furtherBlocks = Math.ceil((copies * blocks) / blockSize);
    this.zeroPoint = 2 ** (bits - 1);
    this.codes = new Uint8Array(furtherBlocks * blockSize);
    this.scales = new Float32Array(furtherBlocks);
    this.#blockSize = blockSize;
    this.#firsts = bits === 8 ? [0] : [0, (copies - 1) * blocks];
    this.#rest = new Float64Array(blocks);
  }

  /**
   * Makes `codes` and `scales` those of one row.
   *
   * @param missing one for each block of the row.
   */
  quantize(missing: Float64Array): void {
    this.codes.fill(this.zeroPoint);
    this.scales.fill(0);
    this.#rest.set(missing);
    for (const first of this.#firsts) this.#quantizeAt(first);
  }

  /** Quantizes the rest into the columns from `first` on, by their blocks, and leaves of it what is lost. */
  #quantizeAt(first: number): void {
    const rest = this.#rest;
    const blockSize = this.#blockSize;
    const most = this.zeroPoint - 1;
    const end = first + rest.length;
    for (let begin = first; begin < end;) {
      const block = Math.floor(begin / blockSize);
      const next = Math.min(end, (block + 1) * blockSize);
      let largest = 0;
      for (let i = begin; i < next; i++) largest = Math.max(largest, Math.abs(rest[i - first]!));
      const scale = Math.fround(largest / most);
      this.scales[block] = scale;
      for (let i = begin; i < next && scale > 0; i++) {
        const level = Math.max(-most, Math.min(most, Math.round(rest[i - first]! / scale)));
        this.codes[i] = level + this.zeroPoint;
        rest[i - first]! -= level * scale;
      }
      begin = next;
    }
  }
}

/** The first copy that begins behind the last block of the one before all: no block has columns of both. */
function secondCopy(blocks: number, blockSize: number): number {
  return Math.ceil((Math.ceil(blocks / blockSize) * blockSize) / blocks);
}
