/**
 * A quantized form of a matrix: each row in blocks of columns, each block with a scale of its own,
 * `weight ≈ (code - zeroPoint) · scale`. The layout is that of com.microsoft.MatMulNBits.
 */
export interface BlockFormat {
  /** Bits of a code. */
  readonly bits: 4 | 8;
  /** Columns of a block: a power of 2, at least 16. */
  readonly blockSize: number;
  /** True if every block's zero point is the middle of the codes, `2^(bits - 1)`, and so is not stored. */
  readonly symmetric: boolean;
  readonly method: 'round-to-nearest' | 'half-quadratic';
}

/** Blocks of a row; the last one may be partly empty. */
export function blocksPerRow({ blockSize }: BlockFormat, columns: number): number {
  return Math.ceil(columns / blockSize);
}

/** Bytes of a block's codes. */
export function blockBytes({ bits, blockSize }: BlockFormat): number {
  return (blockSize * bits) / 8;
}

/** Bytes of a row's zero points: packed like the codes. */
export function zeroPointBytes(format: BlockFormat, columns: number): number {
  return Math.ceil((blocksPerRow(format, columns) * format.bits) / 8);
}

/** A matrix in a {@link BlockFormat}, by rows. */
export interface QuantizedMatrix {
  /** `[rows, blocks, blockBytes]`; of two codes in a byte the first is in the lower half. */
  readonly codes: Uint8Array;
  /** `[rows, blocks]` */
  readonly scales: Float32Array;
  /** `[rows, zeroPointBytes]`; undefined where the format is symmetric. */
  readonly zeroPoints: Uint8Array | undefined;
}
