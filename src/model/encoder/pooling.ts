import type { PoolingMode } from '#graph/sentence-pooling.js';

/** A way to make a text's vector that is a sum of its tokens' vectors with weights. */
export type WeightedPooling = Exclude<PoolingMode, 'max'>;

/**
 * The weight of each token of a text in the text's vector.
 *
 * @param length tokens of the text.
 * @param write takes a token's position and weight; those that are not named weigh nothing.
 */
export function poolingWeights(
  mode: WeightedPooling,
  length: number,
  write: (position: number, weight: number) => void,
): void {
  switch (mode) {
    case 'cls':
      write(0, 1);
      break;
    case 'lasttoken':
      write(length - 1, 1);
      break;
    case 'mean':
      for (let i = 0; i < length; i++) write(i, 1 / length);
      break;
    case 'mean_sqrt_len_tokens':
      for (let i = 0; i < length; i++) write(i, 1 / Math.sqrt(length));
      break;
    case 'weightedmean': {
      const sum = (length * (length + 1)) / 2;
      for (let i = 0; i < length; i++) write(i, (i + 1) / sum);
      break;
    }
  }
}

/**
 * A text's vector from its tokens' vectors, for graphs that do not pool by themselves. Several modes stand
 * side by side.
 *
 * @param hidden `[length, width]`
 * @returns `[modes · width]`
 */
export function poolVectors(
  hidden: Float32Array,
  length: number,
  width: number,
  modes: readonly PoolingMode[],
): Float32Array {
  const result = new Float32Array(modes.length * width);
  modes.forEach((mode, index) => {
    const sums = new Float64Array(width).fill(mode === 'max' ? -Infinity : 0);
    if (mode === 'max') {
      for (let i = 0; i < length * width; i++) sums[i % width] = Math.max(sums[i % width]!, hidden[i]!);
    } else {
      poolingWeights(mode, length, (position, weight) => {
        for (let i = 0; i < width; i++) sums[i]! += weight * hidden[position * width + i]!;
      });
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
