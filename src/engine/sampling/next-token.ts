import type { EntryLogits } from '#model/decoder/contract.js';
import type { Sequence } from '../sequence.js';
import type { GeneratedToken } from '../types.js';
import { checkLogits } from './check-logits.js';
import { logprobsOf } from './log-probabilities.js';
import { logSumExp } from './log-sum-exp.js';
import { levelLogits, processLogits, raisesNone } from './logits-rules.js';
import type { RuledSum } from './ruled-sum.js';
import type { Sampler } from './sampler.js';

/** A token that was drawn. */
export interface DrawnToken extends GeneratedToken {
  /**
   * Its log-probability in the distribution that penalties, bans and the constraint left; undefined where the
   * request does not want it.
   */
  readonly score: number | undefined;
}

/**
 * Draws a sequence's next token.
 *
 * @param row the logits of one position, which are changed.
 * @throws KvasirError `broken_model` where the logits are no numbers
 */
export function drawToken(sampler: Sampler, sum: RuledSum, sequence: Sequence, row: EntryLogits): DrawnToken {
  const { request } = sequence;
  const { logits, maxima } = row;
  const noise = sequence.noise.begin(sequence.generated);
  checkLogits(maxima ?? logits);
  // The reported distribution is the model's own, so a copy is changed where both are needed.
  const own = request.logprobs === undefined ? undefined : logits.slice();
  if (request.scored) sum.begin(row, raisesNone(sequence));
  const isChanged = processLogits(logits, sequence);
  let id = sampler.sample(logits, request.sampling, noise, isChanged ? undefined : maxima);
  const leavesNone = logits[id] === -Infinity;
  if (leavesNone) {
    levelLogits(logits, sequence);
    id = sampler.sample(logits, request.sampling, noise);
  }
  return {
    id,
    logprobs: own && logprobsOf(own, id, request.logprobs ?? 0),
    score: request.scored ? logits[id]! - (leavesNone ? logSumExp(logits) : sum.end(logits)) : undefined,
  };
}
