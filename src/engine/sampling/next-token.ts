import type { Sequence } from '../sequence.js';
import type { GeneratedToken } from '../types.js';
import { logprobsOf } from './log-probabilities.js';
import { applyPenalties, changesLogits } from './penalties.js';
import type { Sampler } from './sampler.js';

/**
 * Draws a sequence's next token.
 *
 * @param logits `[vocabulary]`, which are changed.
 * @param maxima the largest of each of equal blocks of `logits`, where they are known.
 */
export function drawToken(
  sampler: Sampler,
  sequence: Sequence,
  logits: Float32Array,
  maxima: Float32Array | undefined,
): GeneratedToken {
  const { request, random } = sequence;
  // The reported distribution is the model's own, so a copy is changed where both are needed.
  const own = request.logprobs === undefined ? undefined : logits.slice();
  const isChanged = processLogits(logits, sequence);
  const id = sampler.sample(logits, request.sampling, random, isChanged ? undefined : maxima);
  return { id, logprobs: own && logprobsOf(own, id, request.logprobs ?? 0) };
}

/**
 * Changes logits in place to what a request asks for: penalties and biases, then its constraint, then no end
 * before `minTokens`.
 *
 * @returns whether any may have changed, so that what was known of them no longer holds.
 */
function processLogits(logits: Float32Array, { request, counts, generated, remaining }: Sequence): boolean {
  const { sampling, stop, constraint } = request;
  const isPenalized = changesLogits(sampling);
  const mustGoOn = generated < stop.minTokens;
  if (isPenalized) applyPenalties(logits, sampling, counts);
  constraint?.mask(logits, stop.stopTokenIds, remaining);
  if (mustGoOn) for (const id of stop.stopTokenIds) logits[id] = -Infinity;
  return isPenalized || mustGoOn || constraint !== undefined;
}
