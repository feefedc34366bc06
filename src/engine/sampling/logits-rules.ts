import type { GenerationRequest, SamplingParameters, TokenConstraint } from '../types.js';
import { ngramEnds } from './ngrams.js';
import { applyPenalties, changesLogits, type TokenCounts } from './penalties.js';
import { keepOnly, limitsTokens, sequenceEnds } from './token-limits.js';

/** What rules look at: a request, and the text so far. */
export interface WrittenText {
  readonly request: GenerationRequest;
  /** In the state behind this text. */
  readonly constraint: TokenConstraint | undefined;
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
  const { constraint } = text;
  const { sampling, sourceIds } = text.request;
  const isPenalized = changesLogits(sampling);
  if (isPenalized) applyPenalties(logits, sampling, text.counts, sourceIds, zero);
  const mustGoOn = isShort(text);
  mask(logits, text, { mustGoOn, bans: true, zero });
  return isPenalized || mustGoOn || constraint !== undefined || limitsTokens(sampling);
}

/**
 * Makes all tokens that may come next equal, where the model and the rules exclude each of them. Where these are
 * none, since only the end may follow but must not yet, it may; and where banned sequences exclude the rest,
 * they give way.
 */
export function levelLogits(logits: Float32Array, text: WrittenText): void {
  const mayNotEnd = isShort(text);
  for (const [mustGoOn, bans] of [
    [mayNotEnd, true],
    [mayNotEnd, false],
    [false, false],
  ] as const) {
    logits.fill(0);
    mask(logits, text, { mustGoOn, bans, zero: 0 });
    if (logits.includes(0)) return;
  }
  throw new Error('the constraint leaves no token');
}

/** Which tokens are excluded by their ids. */
interface ExclusionOptions {
  /** Whether the end is. */
  readonly mustGoOn: boolean;
  /** Whether banned sequences, repeated ones and suppressed tokens are. */
  readonly bans: boolean;
}

/**
 * Excludes what a constraint does not let through, ids that are not allowed, and {@link excludedIds}; or all but a
 * forced token.
 */
function mask(
  logits: Float32Array,
  text: WrittenText,
  { zero, ...options }: ExclusionOptions & { readonly zero: number },
): void {
  const { constraint } = text;
  const { sampling, stop } = text.request;
  const forced = forcedIds(text);
  if (forced !== undefined) {
    logits.fill(-Infinity);
    for (const id of forced) logits[id] = zero;
  } else {
    constraint?.mask(logits, stop.stopTokenIds, text.remaining);
    if (sampling.allowedIds !== undefined) keepOnly(logits, sampling.allowedIds);
  }
  for (const id of excludedIds(text, options)) logits[id] = -Infinity;
}

/**
 * Ids that complete a banned or repeated sequence, the end where the text must go on, and suppressed ones; of a
 * forced token, only the last.
 */
export function excludedIds(
  text: WrittenText,
  { mustGoOn, bans }: ExclusionOptions = { mustGoOn: isShort(text), bans: true },
): ReadonlySet<number> {
  const { request, tokens, promptLength } = text;
  const { sampling, stop, sourceIds, sound } = request;
  const { noRepeatNgram = 0, sourceNoRepeatNgram = 0, bannedSequences = [] } = sampling;
  const isFree = forcedIds(text) === undefined;
  const ids = new Set<number>();
  const add = (more: Iterable<number>): void => {
    for (const id of more) ids.add(id);
  };
  if (isFree && mustGoOn) add(stop.stopTokenIds);
  if (!bans) return ids;
  if (isFree) {
    if (noRepeatNgram > 0) add(ngramEnds(noRepeatNgram, tokens, tokens));
    if (sourceNoRepeatNgram > 0) add(ngramEnds(sourceNoRepeatNgram, sourceIds ?? [], tokens));
    // What a decoder begins with belongs to its text, where what it goes on from is a source.
    add(sequenceEnds(bannedSequences, tokens, (sourceIds ?? sound) === undefined ? promptLength : 0));
  }
  add(sampling.suppressedIds ?? []);
  if (isFirstChoice(text)) add(sampling.suppressedFirstIds ?? []);
  return ids;
}

/** Whether a text may not end yet. */
function isShort({ generated, request }: WrittenText): boolean {
  return generated < request.stop.minTokens;
}

/** Whether no rule makes a logit of a text's next token larger: tokens are excluded, and that is all. */
export function raisesNone(text: WrittenText): boolean {
  return forcedIds(text) === undefined && !changesLogits(text.request.sampling);
}

/** Whether all that rules do to the logits of a text's next token is to exclude {@link excludedIds}. */
export function excludesOnly(text: WrittenText): boolean {
  return raisesNone(text) && text.constraint === undefined && text.request.sampling.allowedIds === undefined;
}

/** The tokens of which the next one must be one; undefined: none is forced. */
function forcedIds({
  request: { sampling },
  constraint,
  tokens,
  remaining,
}: WrittenText): readonly number[] | undefined {
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
