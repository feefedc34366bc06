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
    const standardized = standardize(
      Array.from({ length: tokens }, (_, token) => {
        const from = (head * tokens + token) * longest;
        return normalize(weights.subarray(from, from + positions));
      }),
    );
    for (let row = 0; row < rows; row++) {
      const filtered = medianFilter(standardized[begin + row]!, FILTER_WIDTH);
      for (let position = 0; position < positions; position++)
        costs[row * positions + position]! -= filtered[position]! / heads;
      if (turns.isOver) await turns.next();
    }
  }
  return firstColumns(costs, rows, positions);
}

/** Makes the sum of a row 1 again, where a part of it was left out. */
function normalize(row: Float32Array): Float32Array {
  const sum = row.reduce((total, weight) => total + weight, 0);
  return sum > 0 ? row.map(weight => weight / sum) : row.slice();
}

/** Makes the mean of each column 0 and its standard deviation 1, in place; 0 all over where it has none. */
function standardize(rows: readonly Float32Array[]): readonly Float32Array[] {
  const columns = rows[0]!.length;
  const means = new Float64Array(columns);
  for (const row of rows) for (let column = 0; column < columns; column++) means[column]! += row[column]!;
  for (let column = 0; column < columns; column++) means[column]! /= rows.length;
  const deviations = new Float64Array(columns);
  for (const row of rows)
    for (let column = 0; column < columns; column++)
      deviations[column]! += (row[column]! - means[column]!) ** 2;
  for (let column = 0; column < columns; column++)
    deviations[column] = Math.sqrt(deviations[column]! / rows.length);
  for (const row of rows)
    for (let column = 0; column < columns; column++) {
      const deviation = deviations[column]!;
      row[column] = deviation > 0 ? (row[column]! - means[column]!) / deviation : 0;
    }
  return rows;
}
