import { expWeight, NEGLIGIBLE } from './fast-exp.js';

/** Any logit may be larger. */
const UNBOUNDED = Float32Array.of(Infinity);

/**
 * The logarithm of the sum of exponentials, to one part in 10^7 of the sum; -Infinity where there is none.
 *
 * @param bounds none of the logits of each of equal blocks is larger: many blocks are told by that alone.
 */
export function logSumExp(logits: Float32Array, bounds: Float32Array = UNBOUNDED): number {
  const size = logits.length / bounds.length;
  let max = -Infinity;
  for (let block = 0; block < bounds.length; block++) {
    if (!(bounds[block]! > max)) continue;
    const end = (block + 1) * size;
    for (let id = block * size; id < end; id++) if (logits[id]! > max) max = logits[id]!;
  }
  if (max === -Infinity) return max;
  const floor = max - NEGLIGIBLE;
  let sum = 0;
  for (let block = 0; block < bounds.length; block++) {
    if (!(bounds[block]! >= floor)) continue;
    const end = (block + 1) * size;
    for (let id = block * size; id < end; id++) {
      const logit = logits[id]!;
      if (logit >= floor) sum += expWeight(max - logit);
    }
  }
  return max + Math.log(sum);
}
