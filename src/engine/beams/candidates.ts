import type { EntryLogits } from '#model/decoder/contract.js';
import { checkLogits } from '../sampling/check-logits.js';
import { topIds } from '../sampling/log-probabilities.js';
import { logSumExp } from '../sampling/log-sum-exp.js';
import {
  excludedIds,
  excludesOnly,
  levelLogits,
  processLogits,
  raisesNone,
  type WrittenText,
} from '../sampling/logits-rules.js';
import type { RuledSum } from '../sampling/ruled-sum.js';
import type { Continuation } from './beam-search.js';

/** Of what follows where rules exclude all there is: behind all that they do not. */
const EXCLUDED = -1e9;
/** A smaller share is not told by a difference: too few of its digits are right. */
const LEAST_LEFT = 0.1;

/**
 * The best continuations of a text, the best first; equal ones by id. Rules apply to log-probabilities, as
 * they do in transformers' beam search.
 *
 * @param row one position's; the logits are changed.
 * @param count how many; fewer where rules leave no more, but at least one.
 * @throws KvasirError `broken_model` where the logits are no numbers
 */
export function continuationsOf(
  text: WrittenText,
  row: EntryLogits,
  count: number,
  ruled: RuledSum,
): Continuation[] {
  const { logits, maxima, logSums } = row;
  checkLogits(logSums ?? maxima ?? logits);
  const zero = logSums?.[0] ?? logSumExp(logits, maxima);
  // Largest logits of blocks stay bounds as long as none grows.
  const bounds = raisesNone(text) ? maxima : undefined;
  const { normalizesScores = false } = text.request.sampling;
  // Few ids are summed up sooner than they are looked for.
  const left = normalizesScores && excludesOnly(text) ? shareLeft(text, logits, zero) : 0;
  if (normalizesScores && left <= LEAST_LEFT) ruled.begin(row, raisesNone(text));
  processLogits(logits, text, zero);
  const ids = topIds(logits, count, bounds).filter(id => logits[id] !== -Infinity);
  if (ids.length === 0) {
    levelLogits(logits, text);
    return topIds(logits, count).flatMap(id => (logits[id] === -Infinity ? [] : [{ id, logprob: EXCLUDED }]));
  }
  let normalizer = zero;
  if (normalizesScores) normalizer = left > LEAST_LEFT ? zero + Math.log(left) : ruled.end(logits);
  return ids.map(id => ({ id, logprob: logits[id]! - normalizer }));
}

/** What is left of a distribution without {@link excludedIds}. */
function shareLeft(text: WrittenText, logits: Float32Array, zero: number): number {
  let left = 1;
  for (const id of excludedIds(text)) left -= Math.exp(logits[id]! - zero);
  return left;
}
