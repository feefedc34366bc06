import type { TokenLogprobs } from '#engine/types.js';
import { tokenNames } from '../generation/report.js';
import { finite } from '../generation/token-text.js';
import { Detokenizer } from '#text/detokenizer.js';
import type { Tokenizer } from '#text/types.js';

/** Log-probabilities of consecutive tokens, as OpenAI's completions have them: an entry per token in each of the lists. */
export interface Logprobs {
  readonly tokens: string[];
  /** Natural logarithms; null for the first token of a prompt, which nothing precedes. */
  readonly token_logprobs: (number | null)[];
  readonly top_logprobs: (Record<string, number> | null)[];
  /** Where in the text each token begins, in code points. */
  readonly text_offset: number[];
}

export interface LogprobsOptions {
  /** Names tokens; default: by their text. */
  readonly nameOf?: (id: number) => string;
  /** How many of the alternatives that the engine reports are named; default: all. */
  readonly top?: number;
  /** Whether special tokens are left out of the text; default true. */
  readonly skipSpecialTokens?: boolean | undefined;
}

/** Writes the log-probabilities of one choice in the form of OpenAI's completions, with each token's place in the text. */
export class LogprobsWriter {
  readonly #nameOf: (id: number) => string;
  readonly #most: number;
  readonly #detokenizer: Detokenizer;
  #offset = 0;

  /** @param before the ids that the choice's text continues; empty where it begins with the prompt. */
  constructor(
    tokenizer: Tokenizer,
    before: readonly number[],
    { nameOf = tokenNames(tokenizer, false), top = Infinity, skipSpecialTokens }: LogprobsOptions = {},
  ) {
    this.#nameOf = nameOf;
    this.#most = top;
    this.#detokenizer = new Detokenizer(tokenizer, before, { skipSpecialTokens });
  }

  /**
   * @param ids the next tokens of the text.
   * @param entries theirs, each undefined where there is none.
   */
  write(ids: readonly number[], entries: readonly (TokenLogprobs | undefined)[]): Logprobs {
    const logprobs: Logprobs = { tokens: [], token_logprobs: [], top_logprobs: [], text_offset: [] };
    ids.forEach((id, index) => {
      const entry = entries[index];
      logprobs.tokens.push(this.#nameOf(id));
      logprobs.token_logprobs.push(entry === undefined ? null : finite(entry.logprob));
      logprobs.top_logprobs.push(entry === undefined ? null : this.#top(entry));
      logprobs.text_offset.push(this.#offset);
      this.#offset += [...this.#detokenizer.push(id)].length;
    });
    return logprobs;
  }

  #top(entry: TokenLogprobs): Record<string, number> {
    const top = new Map<string, number>();
    for (const { id, logprob } of [...entry.top.slice(0, this.#most), entry]) {
      const text = this.#nameOf(id);
      // Two tokens can have one text; the more probable one comes first.
      if (!top.has(text)) top.set(text, finite(logprob));
    }
    return Object.fromEntries(top);
  }
}
