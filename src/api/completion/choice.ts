import type { FinishReason, GenerationEvent, TokenLogprobs } from '#engine/types.js';
import { finite } from '../generation/token-text.js';
import { LogprobsWriter, type Logprobs } from './logprobs.js';
import type { Prompt } from './prompts.js';
import type { Tokenizer } from '#text/types.js';

/** What one event adds to a choice. */
export interface ChoicePiece {
  readonly text: string;
  readonly logprobs: Logprobs | null;
  readonly finishReason: FinishReason | null;
}

export interface ChoiceOptions {
  /** The text begins with the prompt. */
  readonly echo: boolean;
  /** Report log-probabilities. */
  readonly logprobs: boolean;
  /** Only the prompt was asked for: the token that the engine has to generate is left out. */
  readonly promptOnly: boolean;
}

/** Turns the events of one sequence into what OpenAI's completions say of it. */
export class Choice {
  readonly #promptIds: readonly number[];
  readonly #promptOnly: boolean;
  readonly #logprobs: LogprobsWriter | undefined;
  /** Text that the next piece begins with. */
  #before: string;
  #tokens = 0;
  #cachedTokens = 0;
  #logprobSum = 0;

  constructor(prompt: Prompt, tokenizer: Tokenizer, { echo, logprobs, promptOnly }: ChoiceOptions) {
    this.#promptIds = prompt.ids;
    this.#promptOnly = promptOnly;
    this.#before = echo ? prompt.text : '';
    this.#logprobs = logprobs ? new LogprobsWriter(tokenizer, echo ? [] : prompt.ids) : undefined;
  }

  /** Tokens generated so far, one that ended the text included. */
  get tokens(): number {
    return this.#tokens;
  }

  /** Prompt tokens that were in the cache already; known at the end. */
  get cachedTokens(): number {
    return this.#cachedTokens;
  }

  /** Mean log-probability of the tokens generated so far; of use only if the engine reports them. */
  get meanLogprob(): number {
    return this.#tokens === 0 ? 0 : this.#logprobSum / this.#tokens;
  }

  /** @returns undefined where the event adds nothing. */
  add(event: GenerationEvent): ChoicePiece | undefined {
    if (event.type === 'prompt') return this.#piece('', this.#promptIds, event.logprobs, null);
    const finishReason = event.finishReason ?? null;
    this.#cachedTokens = event.report?.cachedTokens ?? this.#cachedTokens;
    if (this.#promptOnly) return finishReason === null ? undefined : this.#piece('', [], [], 'length');
    for (const { logprobs } of event.tokens) this.#logprobSum += finite(logprobs?.logprob ?? 0);
    this.#tokens += event.tokens.length;
    return this.#piece(
      event.text,
      event.tokens.map(token => token.id),
      event.tokens.map(token => token.logprobs),
      finishReason,
    );
  }

  #piece(
    text: string,
    ids: readonly number[],
    entries: readonly (TokenLogprobs | undefined)[],
    finishReason: FinishReason | null,
  ): ChoicePiece {
    const whole = this.#before + text;
    this.#before = '';
    return { text: whole, logprobs: this.#logprobs?.write(ids, entries) ?? null, finishReason };
  }
}
