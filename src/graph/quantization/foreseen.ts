import type { Vector } from '../weights/model-weights.js';

/**
 * What is known beforehand of the numbers that a value will have, so that fewer of its 8 bits are wasted; one of
 * the two.
 */
export interface Foreseen {
  /** About the largest magnitude of each feature, above 0: features are quantized as shares of it. */
  readonly magnitudes?: Vector | undefined;
  /** Nothing is less than this, which is at most 0. */
  readonly lowest?: number | undefined;
}
