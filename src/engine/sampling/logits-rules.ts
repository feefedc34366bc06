import type { GenerationRequest, SamplingParameters } from '../types.js';
import { banNgrams } from './ngrams.js';
import { applyPenalties, changesLogits, type TokenCounts } from './penalties.js';
import { banSequences, exclude, keepOnly, limitsTokens } from './token-limits.js';

/** What rules look at: a request, and the text so far. */
export interface WrittenText {
  readonly request: GenerationRequest;
  /** Of the prompt, then the generated ones. */
  readonly tokens: readonly number[];
  readonly promptLength: number;
  /** How many were generated. */
  readonly generated: number;
  /** How many more may be generated. */
  readonly remaining: number;
  /** Of these tokens, where penalties look at them. */
  readonly counts: TokenCounts | undefined;
}

/**
 * Changes logits in place to what a request asks for, in the order in which transformers does it: penalties
 * and biases, then its constraint and bans, no end before `minTokens`, forced tokens, and suppressed ones.
 *
 * @param logits `[vocabulary]`
 * @param zero what of the logits a log-probability of 0 is; penalties that treat positive and negative ones
 * differently go by it, and a forced token has it. 0 where logits are taken as they are.
 * @returns whether any may have changed, so that what was known of them no longer holds.
 */
export function processLogits(logits: Float32Array, text: WrittenText, zero = 0): boolean {
  const { sampling, stop, constraint, sourceIds } = text.request;
  const isPenalized = changesLogits(sampling);
  if (isPenalized) applyPenalties(logits, sampling, text.counts, sourceIds, zero);
  const mustGoOn = text.generated < stop.minTokens;
  mask(logits, text, { mustGoOn, bans: true, zero });
  return isPenalized || mustGoOn || constraint !== undefined || limitsTokens(sampling);
}

/**
 * Makes all tokens that may come next equal, where the model and the rules exclude each of them. Where these are
 * none, since only the end may follow but must not yet, it may; and where banned sequences exclude the rest,
 * they give way.
 */
export function levelLogits(logits: Float32Array, text: WrittenText): void {
  const isShort = text.generated < text.request.stop.minTokens;
  for (const [mustGoOn, bans] of [
    [isShort, true],
    [isShort, false],
    [false, false],
  ] as const) {
    logits.fill(0);
    mask(logits, text, { mustGoOn, bans, zero: 0 });
    if (logits.includes(0)) return;
  }
  throw new Error('the constraint leaves no token');
}

/** What {@link mask} excludes. */
interface MaskOptions {
  /** Whether the end is. */
  readonly mustGoOn: boolean;
  /** Whether banned sequences and suppressed tokens are. */
  readonly bans: boolean;
  /** See {@link processLogits}. */
  readonly zero: number;
}

/**
 * Excludes what a constraint does not let through, ids that are not allowed, those that complete a banned
 * sequence, and the end where the text must go on; or all but a forced token; and suppressed ones.
 */
function mask(logits: Float32Array, text: WrittenText, { mustGoOn, bans, zero }: MaskOptions): void {
  const { request, remaining, tokens, promptLength } = text;
  const { sampling, stop, constraint, sourceIds = [] } = request;
  const { noRepeatNgram = 0, sourceNoRepeatNgram = 0 } = sampling;
  const forced = forcedIds(text);
  if (forced !== undefined) {
    logits.fill(-Infinity);
    for (const id of forced) logits[id] = zero;
  } else {
    constraint?.mask(logits, stop.stopTokenIds, remaining);
    if (sampling.allowedIds !== undefined) keepOnly(logits, sampling.allowedIds);
    if (bans) {
      if (noRepeatNgram > 0) banNgrams(logits, noRepeatNgram, tokens, tokens);
      if (sourceNoRepeatNgram > 0) banNgrams(logits, sourceNoRepeatNgram, sourceIds, tokens);
      banSequences(logits, sampling.bannedSequences ?? [], tokens, promptLength);
    }
    if (mustGoOn) exclude(logits, stop.stopTokenIds);
  }
  if (!bans) return;
  exclude(logits, sampling.suppressedIds ?? []);
  if (isFirstChoice(text)) exclude(logits, sampling.suppressedFirstIds ?? []);
}

/** Whether the rules for a text's next token make no logit larger. */
export function lowersOnly(text: WrittenText): boolean {
  return !changesLogits(text.request.sampling) && forcedIds(text) === undefined;
}

/** The tokens of which the next one must be one; undefined: none is forced. */
function forcedIds({ request, tokens, remaining }: WrittenText): readonly number[] | undefined {
  const { sampling, constraint } = request;
  if (remaining === 1 && constraint === undefined && sampling.forcedLastIds !== undefined)
    return sampling.forcedLastIds;
  return isForcedFirst(sampling, tokens.length) ? [sampling.forcedFirstId!] : undefined;
}

/** Whether the token behind so many others is forced to be the first one. */
export function isForcedFirst({ forcedFirstId }: SamplingParameters, length: number): boolean {
  return forcedFirstId !== undefined && length === 1;
}

function isFirstChoice({ request: { sampling }, generated, promptLength }: WrittenText): boolean {
  return generated === (isForcedFirst(sampling, promptLength) ? 1 : 0);
}
