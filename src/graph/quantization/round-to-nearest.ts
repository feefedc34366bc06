import type { BlockParameters } from './block-parameters.js';

/** The weight of the largest magnitude falls on the lowest code, which lies one further from the middle than the highest. */
export function symmetricRange(values: Float32Array, codes: number, parameters: BlockParameters): void {
  let largest = 0;
  for (const value of values) if (Math.abs(value) > Math.abs(largest)) largest = value;
  parameters.zeroPoint = codes / 2;
  parameters.scale = largest / -(codes / 2);
}

/** The codes span the weights, and 0, which so has a code of its own. */
export function asymmetricRange(values: Float32Array, codes: number, parameters: BlockParameters): void {
  let [low, high] = [0, 0];
  for (const value of values) {
    if (value < low) low = value;
    else if (value > high) high = value;
  }
  parameters.scale = (high - low) / (codes - 1);
  parameters.zeroPoint = parameters.scale === 0 ? codes / 2 : Math.round(-low / parameters.scale);
}
