/** Weights are told apart from 0 down to e to the power of minus this. */
export const NEGLIGIBLE = 30;

/** How many buckets share what is between two weights of which one is e times the other. */
export const BUCKETS_OF_1 = 16;
const STEPS_OF_BUCKET = 256;
const STEPS_OF_1 = BUCKETS_OF_1 * STEPS_OF_BUCKET;

/** How many buckets there are. */
export const BUCKETS = BUCKETS_OF_1 * NEGLIGIBLE + 1;

const COARSE = Float64Array.from({ length: BUCKETS }, (_, i) => Math.exp(-i / BUCKETS_OF_1));
const FINE = Float64Array.from({ length: STEPS_OF_BUCKET }, (_, i) => Math.exp(-i / STEPS_OF_1));

/**
 * `exp(-y)` to one part in 10^10, for `y` in `[0, NEGLIGIBLE]`: a product of two tables' entries, and a
 * polynomial for what is left. It takes a third of the time of `Math.exp`.
 */
export function expWeight(y: number): number {
  const steps = y * STEPS_OF_1;
  const whole = steps | 0;
  const rest = (steps - whole) / STEPS_OF_1;
  return COARSE[whole >> 8]! * FINE[whole & 255]! * (1 - rest + 0.5 * rest * rest);
}

/** The bucket of `exp(-y)`: larger ones hold smaller weights. */
export function bucketOf(y: number): number {
  return (y * STEPS_OF_1) >> 8;
}
