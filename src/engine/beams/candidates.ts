import type { EntryLogits } from '#model/decoder/contract.js';
import { checkLogits } from '../sampling/check-logits.js';
import { expWeight, NEGLIGIBLE } from '../sampling/fast-exp.js';
import { topIds } from '../sampling/log-probabilities.js';
import {
  excludedIds,
  excludesOnly,
  levelLogits,
  processLogits,
  type WrittenText,
} from '../sampling/logits-rules.js';
import type { Continuation } from './beam-search.js';

/** Of what follows where rules exclude all there is: behind all that they do not. */
const EXCLUDED = -1e9;
/** A smaller share is not told by a difference: too few of its digits are right. */
const LEAST_LEFT = 0.1;

/**
 * The best continuations of a text, the best first; equal ones by id. Rules apply to log-probabilities, as
 * they do in transformers' beam search.
 *
 * @param result one position's; the logits are changed.
 * @param count how many; fewer where rules leave no more, but at least one.
 * @throws KvasirError `broken_model` where the logits are no numbers
 */
export function continuationsOf(
  text: WrittenText,
  { logits, maxima, logSums }: EntryLogits,
  count: number,
): Continuation[] {
  checkLogits(logSums ?? maxima ?? logits);
  const zero = logSums?.[0] ?? logSumExp(logits, maxima);
  // Largest logits of blocks stay bounds as long as none grows.
  const bounds = excludesOnly(text) ? maxima : undefined;
  const { normalizesScores = false } = text.request.sampling;
  const left = normalizesScores && excludesOnly(text) ? shareLeft(text, logits, zero) : 0;
  processLogits(logits, text, zero);
  const ids = topIds(logits, count, bounds).filter(id => logits[id] !== -Infinity);
  if (ids.length === 0) {
    levelLogits(logits, text);
    return topIds(logits, count).flatMap(id => (logits[id] === -Infinity ? [] : [{ id, logprob: EXCLUDED }]));
  }
  let normalizer = zero;
  if (normalizesScores) normalizer = left > LEAST_LEFT ? zero + Math.log(left) : logSumExp(logits, bounds);
  return ids.map(id => ({ id, logprob: logits[id]! - normalizer }));
}

/** What is left of a distribution without {@link excludedIds}. */
function shareLeft(text: WrittenText, logits: Float32Array, zero: number): number {
  let left = 1;
  for (const id of excludedIds(text)) left -= Math.exp(logits[id]! - zero);
  return left;
}

/**
 * The logarithm of the sum of exponentials, to one part in 10^7 of the sum.
 *
 * @param bounds none of the logits of each of equal blocks is larger.
 */
function logSumExp(logits: Float32Array, bounds: Float32Array = logits): number {
  let max = -Infinity;
  for (let i = 0; i < bounds.length; i++) if (bounds[i]! > max) max = bounds[i]!;
  const size = logits.length / bounds.length;
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
