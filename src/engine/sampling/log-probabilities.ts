import type { TokenLogprobs } from '../types.js';

/**
 * Log-probabilities of one position's logits.
 *
 * @param logits `[vocabulary]`, as the model gave them.
 * @param id the token to report.
 * @param top how many of the most probable tokens to report beside it, best first; equal ones by id.
 */
export function logprobsOf(logits: Float32Array, id: number, top: number): TokenLogprobs {
  let max = -Infinity;
  for (let i = 0; i < logits.length; i++) if (logits[i]! > max) max = logits[i]!;
  let sum = 0;
  for (let i = 0; i < logits.length; i++) sum += Math.exp(logits[i]! - max);
  // Differences first: beside a large maximum, the logarithm of the sum would be rounded away.
  const logprob = (of: number): number => logits[of]! - max - Math.log(sum);
  return {
    id,
    logprob: logprob(id),
    top: topIds(logits, top).map(best => ({ id: best, logprob: logprob(best) })),
  };
}

/** How many logits are at least as large as that of an id, itself included. */
export function rankOf(logits: Float32Array, id: number): number {
  const own = logits[id]!;
  let rank = 0;
  for (let i = 0; i < logits.length; i++) if (logits[i]! >= own) rank++;
  return rank;
}

/**
 * Ids of the `count` largest logits, largest first, equal ones by id; insertion into a short sorted list, since
 * count is small.
 *
 * @param bounds none of the logits of each of equal blocks is larger: most blocks are told by that alone.
 */
export function topIds(logits: Float32Array, count: number, bounds: Float32Array = logits): number[] {
  const best: number[] = [];
  if (count <= 0) return best;
  const size = logits.length / bounds.length;
  let least = -Infinity;
  for (let block = 0; block < bounds.length; block++) {
    if (best.length === count && bounds[block]! <= least) continue;
    for (let id = block * size; id < (block + 1) * size; id++) {
      const value = logits[id]!;
      if (best.length === count && value <= least) continue;
      let at = best.length < count ? best.length : count - 1;
      while (at > 0 && value > logits[best[at - 1]!]!) {
        best[at] = best[at - 1]!;
        at--;
      }
      best[at] = id;
      least = logits[best.at(-1)!]!;
    }
  }
  return best;
}
