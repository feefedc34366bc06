import type { FinishReason, GenerationEvent, TokenLogprobs } from '#engine/types.js';
import { promptLogprobs, stopReasonOf, tokenNames, type PromptLogprobs } from '../generation/report.js';
import { finite } from '../generation/token-text.js';
import { LogprobsWriter, type Logprobs } from './logprobs.js';
import type { Prompt } from './prompts.js';
import type { Tokenizer } from '#text/types.js';

/** What one event adds to a choice. */
export interface ChoicePiece {
  readonly text: string;
  readonly logprobs: Logprobs | null;
  readonly finishReason: FinishReason | null;
  /** See `stopReasonOf`. */
  readonly stopReason: string | number | null;
  /** Of the prompt's next tokens; undefined where nobody asked, or the event is not about the prompt. */
  readonly promptLogprobs: PromptLogprobs | undefined;
  /** Of the prompt: in the first piece, where they are asked for. */
  readonly promptIds: readonly number[] | undefined;
  /** Of the piece, a stop token included; undefined where nobody asked. */
  readonly tokenIds: readonly number[] | undefined;
}

export interface ChoiceOptions {
  /** The text begins with the prompt. */
  readonly echo: boolean;
  /** Report log-probabilities, with this many alternatives; undefined: none. */
  readonly logprobs: number | undefined;
  /** The same for the prompt, in vLLM's form. */
  readonly promptLogprobs?: number | undefined;
  /** Report the ids of the prompt and of the text. */
  readonly tokenIds?: boolean;
  /** Name tokens by their ids. */
  readonly tokensAsIds?: boolean;
  /** Whether special tokens are left out of the text; default true. */
  readonly skipSpecialTokens?: boolean | undefined;
  /** Only the prompt was asked for: the token that the engine has to generate is left out. */
  readonly promptOnly: boolean;
  /** The model's own stop tokens. */
  readonly eosIds: ReadonlySet<number>;
}

/** Turns the events of one sequence into what OpenAI's completions say of it. */
export class Choice {
  readonly #promptIds: readonly number[];
  readonly #options: ChoiceOptions;
  readonly #logprobs: LogprobsWriter | undefined;
  readonly #nameOf: (id: number) => string;
  /** Text that the next piece begins with. */
  #before: string;
  #begun = false;
  /** Prompt tokens that were reported. */
  #reported = 0;
  #tokens = 0;
  #cachedTokens = 0;
  #logprobSum = 0;

  constructor(prompt: Prompt, tokenizer: Tokenizer, options: ChoiceOptions) {
    const { echo, logprobs, tokensAsIds = false, skipSpecialTokens } = options;
    this.#promptIds = prompt.ids;
    this.#options = options;
    this.#before = echo ? prompt.text : '';
    this.#nameOf = tokenNames(tokenizer, tokensAsIds);
    this.#logprobs =
      logprobs === undefined
        ? undefined
        : new LogprobsWriter(tokenizer, echo ? [] : (prompt.startIds ?? prompt.ids), {
            nameOf: this.#nameOf,
            top: logprobs,
            skipSpecialTokens,
          });
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
    if (event.type === 'prompt') return this.#prompt(event.logprobs);
    const finishReason = event.finishReason ?? null;
    this.#cachedTokens = event.report?.cachedTokens ?? this.#cachedTokens;
    if (this.#options.promptOnly)
      return finishReason === null ? undefined : this.#piece('', [], [], { finishReason: 'length' });
    for (const { logprobs } of event.tokens) this.#logprobSum += finite(logprobs?.logprob ?? 0);
    this.#tokens += event.tokens.length;
    return this.#piece(
      event.text,
      event.tokens.map(token => token.id),
      event.tokens.map(token => token.logprobs),
      { finishReason, stopReason: stopReasonOf(event, this.#options.eosIds) },
    );
  }

  /** The prompt's next tokens: as text where it is echoed, and in a report of its own. */
  #prompt(entries: readonly (TokenLogprobs | undefined)[]): ChoicePiece {
    const { echo, promptLogprobs: top } = this.#options;
    const ids = this.#promptIds.slice(this.#reported, this.#reported + entries.length);
    this.#reported += entries.length;
    const piece = echo ? this.#piece('', ids, entries) : this.#piece('', [], []);
    return {
      ...piece,
      tokenIds: piece.tokenIds && [],
      promptLogprobs: top === undefined ? undefined : promptLogprobs(entries, top, this.#nameOf),
    };
  }

  #piece(
    text: string,
    ids: readonly number[],
    entries: readonly (TokenLogprobs | undefined)[],
    {
      finishReason = null,
      stopReason = null,
    }: Partial<Pick<ChoicePiece, 'finishReason' | 'stopReason'>> = {},
  ): ChoicePiece {
    const { tokenIds = false } = this.#options;
    const whole = this.#before + text;
    const promptIds = tokenIds && !this.#begun ? this.#promptIds : undefined;
    this.#before = '';
    this.#begun = true;
    return {
      text: whole,
      logprobs: this.#logprobs?.write(ids, entries) ?? null,
      finishReason,
      stopReason,
      promptLogprobs: undefined,
      promptIds,
      tokenIds: tokenIds ? ids : undefined,
    };
  }
}
