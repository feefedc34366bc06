import type { Alignment } from '#engine/types.js';
import { Turns } from '#turns.js';
import { medianFilter } from './median-filter.js';
import { firstColumns } from './time-warping.js';

/** Width of the filter over time (openai/whisper, `timing.py`). */
const FILTER_WIDTH = 7;

/** Which part of an alignment is looked at. */
export interface AlignedPart {
  /** Tokens `[begin, end)`: the rows of those that the texts' tokens come behind. */
  readonly begin: number;
  readonly end: number;
  /** Positions of the source that lie within the sound, at least one. */
  readonly positions: number;
}

/**
 * Tells when tokens begin, by where attention heads look that follow the sound: their weights, standardized for each position
 * over all tokens, smoothed over time and averaged, are the way of least cost through text and time (openai/whisper,
 * `timing.py`).
 *
 * @returns for each token of the part, the position of the source at which it begins.
 */
export async function tokenTimes(
  { heads, weights, probabilities }: Alignment,
  { begin, end, positions }: AlignedPart,
): Promise<number[]> {
  const tokens = probabilities.length + 1;
  const longest = weights.length / (heads * tokens);
  const rows = end - begin;
  const costs = new Float32Array(rows * positions);
  const turns = new Turns();
  for (let head = 0; head < heads; head++) {
    const looks = weights.subarray(head * tokens * longest, (head + 1) * tokens * longest);
    const standardized = standardize(looks, tokens, longest, positions);
    if (turns.isOver) await turns.next();
    for (let row = 0; row < rows; row++) {
      const from = (begin + row) * positions;
      const filtered = medianFilter(standardized.subarray(from, from + positions), FILTER_WIDTH);
      for (let position = 0; position < positions; position++)
        costs[row * positions + position]! -= filtered[position]!;
      if (turns.isOver) await turns.next();
    }
  }
  for (let index = 0; index < costs.length; index++) costs[index]! /= heads;
  return firstColumns(costs, rows, positions);
}

/**
 * Weights of the first positions, so that the sum of each row is 1 again, and then the mean of each column 0 and its standard deviation 1;
 * 0 all over where it has none.
 *
 * @param weights `[rows, longest]`
 * @returns `[rows, columns]`
 */
function standardize(weights: Float32Array, rows: number, longest: number, columns: number): Float32Array {
  const result = new Float32Array(rows * columns);
  const means = new Float64Array(columns);
  for (let row = 0; row < rows; row++) {
    let sum = 0;
    for (let column = 0; column < columns; column++) sum += weights[row * longest + column]!;
    for (let column = 0; column < columns; column++) {
      const weight = sum > 0 ? weights[row * longest + column]! / sum : 0;
      result[row * columns + column] = weight;
      means[column]! += weight / rows;
    }
  }
  const variances = new Float64Array(columns);
  for (let row = 0; row < rows; row++)
    for (let column = 0; column < columns; column++)
      variances[column]! += (result[row * columns + column]! - means[column]!) ** 2 / rows;
  for (let row = 0; row < rows; row++)
    for (let column = 0; column < columns; column++) {
      const index = row * columns + column;
      const deviation = Math.sqrt(variances[column]!);
      result[index] = deviation > 0 ? (result[index]! - means[column]!) / deviation : 0;
    }
  return result;
}
