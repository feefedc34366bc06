import type { BlockParameters } from './block-parameters.js';

/**
 * The weight of the largest magnitude falls on the lowest code, which lies one further from the middle than
 * the highest.
 */
export function symmetricRange(values: Float32Array, codes: number, parameters: BlockParameters): void {
  let largest = 0;
  for (let i = 0; i < values.length; i++) if (Math.abs(values[i]!) > Math.abs(largest)) largest = values[i]!;
  parameters.zeroPoint = codes / 2;
  parameters.scale = largest / -(codes / 2);
}

/** The codes span the weights, and 0, which so has a code of its own. */
export function asymmetricRange(values: Float32Array, codes: number, parameters: BlockParameters): void {
  let low = 0;
  let high = 0;
  for (let i = 0; i < values.length; i++) {
    if (values[i]! < low) low = values[i]!;
    else if (values[i]! > high) high = values[i]!;
  }
  parameters.scale = (high - low) / (codes - 1);
  parameters.zeroPoint = parameters.scale === 0 ? codes / 2 : Math.round(-low / parameters.scale);
}
