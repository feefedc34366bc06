import type { CheckpointTensors } from './checkpoint-tensors.js';
import type { QuantizedTensor } from './method.js';
import { EIGHT_BIT_FLOATS, type EightBitFloat } from './small-floats.js';

/** Rows and columns that share a scale. */
export interface Tile {
  readonly rows: number;
  readonly columns: number;
}

/** Types of weights in floats of 8 bits. */
export const EIGHT_BIT_WEIGHTS: readonly EightBitFloat[] = ['F8_E4M3', 'F8_E5M2'];

/**
 * Floats of 8 bits in tiles, each of which has a scale to multiply by: a tile may be a block, a row, part of a row or
 * the whole matrix. Of several matrices in one tensor each has tiles of its own.
 *
 * @param type what people are told that it is.
 * @param name `[...matrices, rows, columns]`
 * @param scales `[...matrices, tiles down, tiles across]`, with or without axes of 1.
 */
export function tiledFloats(
  tensors: CheckpointTensors,
  type: string,
  name: string,
  scales: string,
  tile: Tile,
): QuantizedTensor {
  const entry = tensors.find(name)!;
  const { shape } = entry;
  if (shape.length < 2) throw tensors.invalid(name, `has shape [${shape.join(', ')}], and is no matrix`);
  const [rows, columns] = shape.slice(-2) as [number, number];
  const across = Math.max(1, Math.ceil(columns / tile.columns));
  const down = Math.max(1, Math.ceil(rows / tile.rows));
  const scaleShape = tensors.find(scales)!.shape;
  const expected = [...shape.slice(0, -2), down, across];
  const long = (sizes: readonly number[]): string => sizes.filter(size => size !== 1).join();
  if (long(scaleShape) !== long(expected))
    throw tensors.invalid(
      scales,
      `has shape [${scaleShape.join(', ')}]; the ${rows} rows and ${columns} columns of '${name}' take ${down} × ${across} scales`,
    );
  const values = EIGHT_BIT_FLOATS[entry.type as EightBitFloat];
  return {
    type,
    shape,
    tensors: [name, scales],
    async rows(first, last) {
      const factors = await tensors.allFloats(scales);
      const codes = await tensors.bytes(name, first * columns, last * columns);
      const floats = new Float32Array(codes.length);
      for (let row = first, i = 0; row < last; row++) {
        const matrix = Math.floor(row / rows);
        const begin = (matrix * down + Math.floor((row % rows) / tile.rows)) * across;
        for (let column = 0; column < columns; column++, i++)
          floats[i] = values[codes[i]!]! * factors[begin + Math.floor(column / tile.columns)]!;
      }
      tensors.requireFinite(name, floats);
      return floats;
    },
  };
}
