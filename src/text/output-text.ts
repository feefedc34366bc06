import { Detokenizer, type DetokenizerOptions } from './detokenizer.js';
import { StopStrings } from './stop-strings.js';
import type { StoppableText } from './stop-strings.js';
import type { Tokenizer } from './types.js';

/** New text of a sequence and what it means for its tokens. */
interface OutputPiece extends StoppableText {
  /**
   * Number of pushed tokens, oldest first, whose text is now shown completely and that were not counted
   * before.
   */
  readonly tokens: number;
}

/**
 * The text of one sequence's output as its tokens come: whole characters only, and never the beginning of a
 * stop string.
 */
export class OutputText {
  readonly #detokenizer: Detokenizer;
  readonly #stops: StopStrings;
  /** Length of the detokenizer's text so far, in UTF-16 units. */
  #decoded = 0;
  /** End of each token that was not counted yet, as a position in the text. */
  readonly #ends: number[] = [];

  /**
   * @param promptIds what the output continues.
   * @param stopStrings strings that end the text.
   * @param includeStopString whether the stop string stays at the end of the text.
   * @param options see {@link Detokenizer}
   */
  constructor(
    tokenizer: Tokenizer,
    promptIds: readonly number[],
    stopStrings: readonly string[],
    includeStopString: boolean,
    options?: DetokenizerOptions,
  ) {
    this.#detokenizer = new Detokenizer(tokenizer, promptIds, options);
    this.#stops = new StopStrings(stopStrings, includeStopString);
  }

  /** The stop string that ended the text, if one did. */
  get stopString(): string | undefined {
    return this.#stops.found;
  }

  /**
   * @param id the next token; nothing may be pushed once `stopped` was returned.
   * @param mayStop false where a stop string that ends in the token's text does not count.
   */
  push(id: number, mayStop = true): OutputPiece {
    const piece = this.#detokenizer.push(id);
    this.#decoded += piece.length;
    this.#ends.push(this.#decoded + (this.#detokenizer.open ? 1 : 0));
    const { text, stopped } = this.#stops.push(piece, mayStop);
    return { text, stopped, tokens: this.#count(stopped ? Infinity : this.#decoded - this.#stops.held) };
  }

  /** @returns the rest, when the sequence ends for another reason than a stop string. */
  flush(): string {
    this.#ends.length = 0;
    const { text } = this.#stops.push(this.#detokenizer.flush());
    return text + this.#stops.flush();
  }

  #count(shown: number): number {
    let tokens = 0;
    while (tokens < this.#ends.length && (this.#ends[tokens] ?? Infinity) <= shown) tokens++;
    this.#ends.splice(0, tokens);
    return tokens;
  }
}
