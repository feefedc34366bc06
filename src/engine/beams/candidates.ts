import { checkLogits } from '../sampling/check-logits.js';
import { expWeight, NEGLIGIBLE } from '../sampling/fast-exp.js';
import { topIds } from '../sampling/log-probabilities.js';
import { levelLogits, lowersOnly, processLogits, type WrittenText } from '../sampling/logits-rules.js';
import type { Continuation } from './beam-search.js';

/** Of what follows where rules exclude all there is: behind all that they do not. */
const EXCLUDED = -1e9;

/**
 * The best continuations of a text, the best first; equal ones by id. Rules apply to log-probabilities, as
 * they do in transformers' beam search.
 *
 * @param logits `[vocabulary]`, which are changed.
 * @param maxima the largest of each of equal blocks of `logits`, where they are known.
 * @param count how many; fewer where rules leave no more, but at least one.
 * @throws KvasirError `broken_model` where the logits are no numbers
 */
export function continuationsOf(
  text: WrittenText,
  logits: Float32Array,
  maxima: Float32Array | undefined,
  count: number,
): Continuation[] {
  checkLogits(maxima ?? logits);
  const zero = logSumExp(logits, maxima);
  const bounds = lowersOnly(text) ? maxima : undefined;
  const isChanged = processLogits(logits, text, zero);
  const { normalizesScores = false } = text.request.sampling;
  const ids = topIds(logits, count, bounds).filter(id => logits[id] !== -Infinity);
  if (ids.length === 0) {
    levelLogits(logits, text);
    return topIds(logits, count).flatMap(id => (logits[id] === -Infinity ? [] : [{ id, logprob: EXCLUDED }]));
  }
  const normalizer = normalizesScores && isChanged ? logSumExp(logits, bounds) : zero;
  return ids.map(id => ({ id, logprob: logits[id]! - normalizer }));
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
