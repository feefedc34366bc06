import type { GenerationEvent, TokenLogprobs } from '#engine/types.js';
import type { Tokenizer } from '#text/types.js';
import { finite, tokenText } from './token-text.js';

/** What requests say about reports, in vLLM's words; what is missing or null has its default. */
export interface ReportFields {
  readonly prompt_logprobs?: number | null;
  readonly return_token_ids?: boolean | null;
  readonly return_tokens_as_token_ids?: boolean | null;
}

/** One of the tokens that could stand at a place of a prompt, as vLLM reports it. */
export interface PromptTokenLogprob {
  /** Natural logarithm. */
  readonly logprob: number;
  /** 1 is the most probable token. */
  readonly rank: number;
  readonly decoded_token: string;
}

/** For each token of a prompt the alternatives and itself, by their ids; null for the first token. */
export type PromptLogprobs = (Readonly<Record<string, PromptTokenLogprob>> | null)[];

/**
 * Why a text ended, as vLLM's `stop_reason` has it: the stop string, or the id of a stop token that is not
 * one of the model's own.
 */
export function stopReasonOf(
  { stopReason }: Extract<GenerationEvent, { type: 'delta' }>,
  eosIds: ReadonlySet<number>,
): string | number | null {
  return stopReason === undefined || eosIds.has(stopReason as number) ? null : stopReason;
}

/** Names tokens in reports: by their text, or as `token_id:N`, which tells all tokens apart. */
export function tokenNames(tokenizer: Tokenizer, asIds: boolean): (id: number) => string {
  return asIds ? id => `token_id:${id}` : id => tokenText(tokenizer, id);
}

/**
 * Writes log-probabilities of a prompt.
 *
 * @param top how many of the most probable tokens to name; the entries have at least as many.
 */
export function promptLogprobs(
  entries: readonly (TokenLogprobs | undefined)[],
  top: number,
  nameOf: (id: number) => string,
): PromptLogprobs {
  return entries.map(entry => {
    if (entry === undefined) return null;
    const named: Record<string, PromptTokenLogprob> = {};
    entry.top.slice(0, top).forEach(({ id, logprob }, index) => {
      named[id] = { logprob: finite(logprob), rank: index + 1, decoded_token: nameOf(id) };
    });
    const { id, logprob, rank = 0 } = entry;
    named[id] ??= { logprob: finite(logprob), rank, decoded_token: nameOf(id) };
    return named;
  });
}
