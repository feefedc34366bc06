import type { Sequence } from '../sequence.js';
import type { GeneratedToken } from '../types.js';
import { checkLogits } from './check-logits.js';
import { logprobsOf } from './log-probabilities.js';
import { logSumExp } from './log-sum-exp.js';
import { levelLogits, processLogits, raisesNone } from './logits-rules.js';
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
 * @param logits `[vocabulary]`, which are changed.
 * @param maxima the largest of each of equal blocks of `logits`, where they are known.
 * @throws KvasirError `broken_model` where the logits are no numbers
 */
export function drawToken(
  sampler: Sampler,
  sequence: Sequence,
  logits: Float32Array,
  maxima: Float32Array | undefined,
): DrawnToken {
  const { request } = sequence;
  const noise = sequence.noise.begin(sequence.generated);
  checkLogits(maxima ?? logits);
  // The reported distribution is the model's own, so a copy is changed where both are needed.
  const own = request.logprobs === undefined ? undefined : logits.slice();
  const isChanged = processLogits(logits, sequence);
  let bounds = raisesNone(sequence) ? maxima : undefined;
  let id = sampler.sample(logits, request.sampling, noise, isChanged ? undefined : maxima);
  if (logits[id] === -Infinity) {
    bounds = undefined;
    levelLogits(logits, sequence);
    id = sampler.sample(logits, request.sampling, noise);
  }
  return {
    id,
    logprobs: own && logprobsOf(own, id, request.logprobs ?? 0),
    score: request.scored ? logits[id]! - logSumExp(logits, bounds) : undefined,
  };
}
