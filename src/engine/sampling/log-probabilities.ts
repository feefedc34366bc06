import type { TokenLogprobs } from '../types.js';
import { logSumExp } from './log-sum-exp.js';

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

/** Log-probabilities of some tokens alone. @param logits `[vocabulary]`, as the model gave them. */
export function logprobsOfIds(logits: Float32Array, ids: readonly number[]): Float32Array {
  const logSum = logSumExp(logits);
  return Float32Array.from(ids, id => logits[id]! - logSum);
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
export function topIds(logits: Float32Array, count: number, bounds?: Float32Array): number[] {
  const best: number[] = [];
  if (count <= 0) return best;
  if (bounds === undefined) {
    insertBest(best, count, logits, 0, logits.length);
    return best;
  }
  const size = logits.length / bounds.length;
  // Those that are likely to have the best, so that none of the others need be read.
  const likely = topIds(bounds, count);
  for (const block of likely) insertBest(best, count, logits, block * size, (block + 1) * size);
  for (let block = 0; block < bounds.length; block++) {
    if (bounds[block]! < logits[best.at(-1)!]! || likely.includes(block)) continue;
    insertBest(best, count, logits, block * size, (block + 1) * size);
  }
  return best;
}

/** Takes ids in `[begin, end)` into a list of the best, at most `count`. */
function insertBest(best: number[], count: number, logits: Float32Array, begin: number, end: number): void {
  let last = best.length === count ? best[count - 1]! : Infinity;
  let least = last < Infinity ? logits[last]! : -Infinity;
  for (let id = begin; id < end; id++) {
    const value = logits[id]!;
    if (value < least || (value === least && id > last)) continue;
    let at = best.length < count ? best.length : count - 1;
    for (; at > 0; at--) {
      const before = best[at - 1]!;
      const other = logits[before]!;
      if (!(value > other || (value === other && id < before))) break;
      best[at] = before;
    }
    best[at] = id;
    if (best.length < count) continue;
    last = best[count - 1]!;
    least = logits[last]!;
  }
}
