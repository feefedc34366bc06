import type { Matrix } from '../weights/matrix.js';
import {
  blockBytes,
  blocksPerRow,
  zeroPointBytes,
  type BlockFormat,
  type QuantizedMatrix,
} from './block-format.js';
import type { BlockParameters, ChooseParameters } from './block-parameters.js';
import { halfQuadratic } from './half-quadratic.js';
import { packCodes } from './pack-codes.js';
import { asymmetricRange, symmetricRange } from './round-to-nearest.js';

/**
 * Quantizes a matrix, piece by piece: beside the result, only one piece is in memory.
 *
 * @param roundScale rounds a scale to the type that it is stored in, before weights are divided by it.
 */
export async function quantize(
  matrix: Matrix,
  format: BlockFormat,
  roundScale: (scale: number) => number = Math.fround,
): Promise<QuantizedMatrix> {
  const { rows, columns } = matrix;
  const blocks = blocksPerRow(format, columns);
  const bytes = blockBytes(format);
  const rowZeroBytes = zeroPointBytes(format, columns);
  const codes = new Uint8Array(rows * blocks * bytes);
  const scales = new Float32Array(rows * blocks);
  const zeroPoints = format.symmetric ? undefined : new Uint8Array(rows * rowZeroBytes);

  const choose = method(format);
  const parameters: BlockParameters = { scale: 0, zeroPoint: 0 };
  const blockCodes = new Uint8Array(format.blockSize);
  const zeros = new Uint8Array(blocks);
  let row = 0;
  for await (const piece of matrix.pieces()) {
    for (let start = 0; start < piece.length; start += columns, row++) {
      for (let block = 0; block < blocks; block++) {
        const begin = start + block * format.blockSize;
        const values = piece.subarray(begin, Math.min(begin + format.blockSize, start + columns));
        choose(values, 2 ** format.bits, parameters);
        parameters.scale = roundScale(parameters.scale);
        encodeBlock(values, 2 ** format.bits, parameters, blockCodes);
        const index = row * blocks + block;
        scales[index] = parameters.scale;
        zeros[block] = parameters.zeroPoint;
        packCodes(format.bits, blockCodes, codes, index * bytes);
      }
      if (zeroPoints !== undefined) packCodes(format.bits, zeros, zeroPoints, row * rowZeroBytes);
    }
  }
  return { codes, scales, zeroPoints };
}

function method({ symmetric, method: name }: BlockFormat): ChooseParameters {
  const range = symmetric ? symmetricRange : asymmetricRange;
  return name === 'round-to-nearest' ? range : halfQuadratic(range, !symmetric);
}

/** Columns beyond the last get the code for 0. */
function encodeBlock(
  values: Float32Array,
  codes: number,
  { scale, zeroPoint }: BlockParameters,
  result: Uint8Array,
): void {
  result.fill(zeroPoint);
  if (scale === 0) return;
  for (let i = 0; i < values.length; i++) {
    const code = Math.floor(values[i]! / scale + 0.5) + zeroPoint;
    result[i] = code < 0 ? 0 : code >= codes ? codes - 1 : code;
  }
}
