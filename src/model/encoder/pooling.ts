import type { PoolingMode } from '#graph/sentence-pooling.js';

/** A way to make a text's vector that is a sum of its tokens' vectors with weights. */
export type WeightedPooling = Exclude<PoolingMode, 'max'>;

/**
 * The weight of each token of a text in the text's vector. Those of a `weightedmean` are counted from the
 * text's beginning, whatever has no share.
 *
 * @param length tokens of the text.
 * @param write takes a token's position and weight; those that are not named weigh nothing.
 * @param first position of the first token that has a share.
 */
export function poolingWeights(
  mode: WeightedPooling,
  length: number,
  write: (position: number, weight: number) => void,
  first = 0,
): void {
  const count = length - first;
  const each = (weight: (position: number) => number): void => {
    for (let i = first; i < length; i++) write(i, weight(i));
  };
  switch (mode) {
    case 'cls':
      write(firstPooled(length, first), 1);
      break;
    case 'lasttoken':
      write(length - 1, 1);
      break;
    case 'mean':
      each(() => 1 / count);
      break;
    case 'mean_sqrt_len_tokens':
      each(() => 1 / Math.sqrt(count));
      break;
    case 'weightedmean': {
      const sum = (length * (length + 1)) / 2 - (first * (first + 1)) / 2;
      each(i => (i + 1) / sum);
      break;
    }
  }
}

/** The token that stands for its text in `cls`: a text of which nothing has a share keeps its first. */
export function firstPooled(length: number, first: number): number {
  return first < length ? first : 0;
}

/**
 * A text's vector from its tokens' vectors, for graphs that do not pool by themselves. Several modes stand
 * side by side.
 *
 * @param hidden `[length, width]`
 * @param first position of the first token that has a share; all have in `max`.
 * @returns `[modes · width]`
 */
export function poolVectors(
  hidden: Float32Array,
  length: number,
  width: number,
  modes: readonly PoolingMode[],
  first = 0,
): Float32Array {
  const result = new Float32Array(modes.length * width);
  modes.forEach((mode, index) => {
    const sums = new Float64Array(width).fill(mode === 'max' ? -Infinity : 0);
    if (mode === 'max') {
      for (let i = 0; i < length * width; i++) sums[i % width] = Math.max(sums[i % width]!, hidden[i]!);
    } else {
      const add = (position: number, weight: number): void => {
        for (let i = 0; i < width; i++) sums[i]! += weight * hidden[position * width + i]!;
      };
      poolingWeights(mode, length, add, first);
    }
    result.set(sums, index * width);
  });
  return result;
}

/** Scales a vector to a length of 1, in place. */
export function normalizeVector(vector: Float32Array): void {
  let squares = 0;
  for (const value of vector) squares += value * value;
  const length = Math.max(Math.sqrt(squares), 1e-12);
  for (let i = 0; i < vector.length; i++) vector[i]! /= length;
}
