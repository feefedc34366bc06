import type { Sequence } from '../sequence.js';
import type { GeneratedToken } from '../types.js';
import { checkLogits } from './check-logits.js';
import { logprobsOf } from './log-probabilities.js';
import { applyPenalties, changesLogits } from './penalties.js';
import { banSequences, keepOnly, limitsTokens } from './token-limits.js';
import type { Sampler } from './sampler.js';

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
): GeneratedToken {
  const { request } = sequence;
  const noise = sequence.noise.begin(sequence.generated);
  checkLogits(maxima ?? logits);
  // The reported distribution is the model's own, so a copy is changed where both are needed.
  const own = request.logprobs === undefined ? undefined : logits.slice();
  const isChanged = processLogits(logits, sequence);
  let id = sampler.sample(logits, request.sampling, noise, isChanged ? undefined : maxima);
  if (logits[id] === -Infinity) {
    levelLogits(logits, sequence);
    id = sampler.sample(logits, request.sampling, noise);
  }
  return { id, logprobs: own && logprobsOf(own, id, request.logprobs ?? 0) };
}

/**
 * Changes logits in place to what a request asks for: penalties and biases, then its constraint, then no end
 * before `minTokens`.
 *
 * @returns whether any may have changed, so that what was known of them no longer holds.
 */
function processLogits(logits: Float32Array, sequence: Sequence): boolean {
  const { sampling, stop, constraint } = sequence.request;
  const isPenalized = changesLogits(sampling);
  if (isPenalized) applyPenalties(logits, sampling, sequence.counts);
  const mustGoOn = sequence.generated < stop.minTokens;
  mask(logits, sequence, mustGoOn);
  return isPenalized || mustGoOn || constraint !== undefined || limitsTokens(sampling);
}

/**
 * Makes all tokens that may come next equal, where the model excludes each of them itself. Where these are
 * none, since only the end may follow but must not yet, it may; and where banned sequences exclude the rest,
 * they give way.
 */
function levelLogits(logits: Float32Array, sequence: Sequence): void {
  const mustGoOn = sequence.generated < sequence.request.stop.minTokens;
  for (const [goesOn, bans] of [
    [mustGoOn, true],
    [mustGoOn, false],
    [false, false],
  ] as const) {
    logits.fill(0);
    mask(logits, sequence, goesOn, bans);
    if (logits.includes(0)) return;
  }
  throw new Error('the constraint leaves no token');
}

/**
 * Excludes what a constraint does not let through, ids that are not allowed, those that complete a banned
 * sequence, and the end where the text must go on.
 *
 * @param bans whether banned sequences count.
 */
function mask(logits: Float32Array, sequence: Sequence, mustGoOn: boolean, bans = true): void {
  const { request, remaining, tokens, promptLength } = sequence;
  const { sampling, stop, constraint } = request;
  constraint?.mask(logits, stop.stopTokenIds, remaining);
  if (sampling.allowedIds !== undefined) keepOnly(logits, sampling.allowedIds);
  if (bans) banSequences(logits, sampling.bannedSequences ?? [], tokens, promptLength);
  if (mustGoOn) for (const id of stop.stopTokenIds) logits[id] = -Infinity;
}
