/** False if there is NaN or infinity among the numbers. */
export function allFinite(values: Float32Array): boolean {
  // Faster than a test of each: NaN and infinity times 0 are NaN.
  let sum = 0;
  for (let i = 0; i < values.length; i++) sum += values[i]! * 0;
  return sum === 0;
}
