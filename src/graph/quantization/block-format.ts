/**
 * How a quantized matrix is stored: each row in blocks of columns, each block with a scale of its own,
 * `weight ≈ (code - zeroPoint) · scale`. The layout is that of com.microsoft.MatMulNBits.
 */
export interface BlockLayout {
  /** Bits of a code. */
  readonly bits: 4 | 8;
  /** Columns of a block: a power of 2, at least 16. */
  readonly blockSize: number;
  /** True if every block's zero point is the middle of the codes, `2^(bits - 1)`, and so is not stored. */
  readonly symmetric: boolean;
}

/** A layout, and how floats are brought into it. */
export interface BlockFormat extends BlockLayout {
  readonly method: 'round-to-nearest' | 'half-quadratic';
}

/** Blocks of a row; the last one may be partly empty. */
export function blocksPerRow({ blockSize }: BlockLayout, columns: number): number {
  return Math.ceil(columns / blockSize);
}

/** Bytes of a block's codes. */
export function blockBytes({ bits, blockSize }: BlockLayout): number {
  return (blockSize * bits) / 8;
}

/** Bytes of a row's zero points: packed like the codes. */
export function zeroPointBytes(format: BlockLayout, columns: number): number {
  return Math.ceil((blocksPerRow(format, columns) * format.bits) / 8);
}

/** A matrix in a {@link BlockLayout}, by rows. */
export interface QuantizedMatrix {
  /** `[rows, blocks, blockBytes]`; of two codes in a byte the first is in the lower half. */
  readonly codes: Uint8Array;
  /** `[rows, blocks]` */
  readonly scales: Float32Array;
  /** `[rows, zeroPointBytes]`; undefined where the format is symmetric. */
  readonly zeroPoints: Uint8Array | undefined;
}
