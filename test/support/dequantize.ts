import {
  blockBytes,
  blocksPerRow,
  zeroPointBytes,
  type BlockFormat,
  type QuantizedMatrix,
} from '#graph/quantization/block-format.js';
import type { PerChannelMatrix } from '#graph/quantization/per-channel.js';

/** The weights that a quantized matrix stands for, `[rows, columns]`. */
export function dequantize(
  { codes, scales, zeroPoints }: QuantizedMatrix,
  format: BlockFormat,
  rows: number,
  columns: number,
): Float32Array {
  const blocks = blocksPerRow(format, columns);
  const rowZeroBytes = zeroPointBytes(format, columns);
  const bytes = blockBytes(format);
  const code = (from: Uint8Array, begin: number, i: number): number =>
    format.bits === 8 ? from[begin + i]! : (from[begin + (i >> 1)]! >> (4 * (i & 1))) & 15;
  const result = new Float32Array(rows * columns);
  for (let row = 0; row < rows; row++) {
    for (let column = 0; column < columns; column++) {
      const block = Math.floor(column / format.blockSize);
      const index = row * blocks + block;
      const zero =
        zeroPoints === undefined ? 2 ** (format.bits - 1) : code(zeroPoints, row * rowZeroBytes, block);
      result[row * columns + column] =
        (code(codes, index * bytes, column % format.blockSize) - zero) * scales[index]!;
    }
  }
  return result;
}

/** The weights that a quantized matrix stands for, `[rows, columns]`. */
export function dequantizePerChannel({ codes, scales }: PerChannelMatrix, columns: number): Float32Array {
  const rows = scales.length;
  return Float32Array.from({ length: rows * columns }, (_, i) => {
    const row = Math.floor(i / columns);
    return codes[(i % columns) * rows + row]! * scales[row]!;
  });
}
