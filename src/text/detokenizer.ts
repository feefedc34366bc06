import type { Tokenizer } from './types.js';

/** The replacement character, which decoders write for bytes that are not, or not yet, a character. */
const REPLACEMENT = '\uFFFD';

/**
 * Tokens kept as context. A character has at most four bytes, so the bytes of an unfinished one lie within
 * the last three tokens.
 */
const CONTEXT = 4;

/** Tokens decoded at a time before the window is cut down to its context again. */
const WINDOW = 16;

export interface DetokenizerOptions {
  /** Whether special tokens are left out of the text; default true. */
  readonly skipSpecialTokens?: boolean | undefined;
  /** Special tokens that have their spelling as text nevertheless. */
  readonly spelledIds?: ReadonlySet<number> | undefined;
}

/**
 * Turns the ids of one sequence into text as they come.
 *
 * A token has no text of its own: it may be part of a character (byte-level vocabularies, SentencePiece's
 * byte fallback), and whether its leading space counts depends on what stands before it. So a short window
 * that reaches back into the sequence is decoded each time, and what it has beyond the text already given is
 * new; the work for a token does not grow with the output.
 *
 * The pieces together are `decode(prompt + output)` without `decode(prompt)`. Unknown ids have no text, and
 * special tokens only where it is asked for.
 */
export class Detokenizer {
  readonly #tokenizer: Tokenizer;
  readonly #skipSpecialTokens: boolean;
  #window: number[];
  /** The text of `#window`. */
  #text: string;
  /** UTF-16 units of `#text` that were returned already. */
  #given: number;
  /**
   * True if the prompt seems to end within a character, so that the output may change the prompt's last one.
   */
  #promptMayBeOpen: boolean;
  readonly #spelledIds: ReadonlySet<number>;

  /** @param promptIds what the output continues; empty when it continues nothing. */
  constructor(
    tokenizer: Tokenizer,
    promptIds: readonly number[],
    { skipSpecialTokens = true, spelledIds = new Set() }: DetokenizerOptions = {},
  ) {
    this.#tokenizer = tokenizer;
    this.#skipSpecialTokens = skipSpecialTokens;
    this.#spelledIds = spelledIds;
    this.#window = this.#lastReadable(promptIds, CONTEXT);
    this.#text = this.#decode(this.#window);
    this.#given = this.#text.length;
    this.#promptMayBeOpen = this.#text.endsWith(REPLACEMENT);
  }

  /** True while a character has begun and not ended. */
  get open(): boolean {
    return this.#text.length > this.#given;
  }

  /** @returns the text that has become certain; often empty. */
  push(id: number): string {
    if (this.#skipSpecialTokens && this.#spelledIds.has(id))
      return this.flush() + (this.#tokenizer.token(id) ?? '');
    if (!this.#isReadable(id)) return '';
    if (this.#window.length >= WINDOW) this.#cut();
    this.#window.push(id);
    this.#text = this.#decode(this.#window);
    if (this.#promptMayBeOpen && this.#text[this.#given - 1] !== REPLACEMENT) {
      this.#given -= 1;
      this.#promptMayBeOpen = false;
    }
    // An unfinished character decodes to one replacement character; those before it stand for bytes that can
    // be nothing else.
    return this.#give(this.#text.endsWith(REPLACEMENT) ? this.#text.length - 1 : this.#text.length);
  }

  /**
   * @returns what remains when no token follows: the replacement character of an unfinished character, or
   * nothing.
   */
  flush(): string {
    return this.#give(this.#text.length);
  }

  #give(end: number): string {
    if (end <= this.#given) return '';
    const piece = this.#text.slice(this.#given, end);
    this.#given = end;
    this.#promptMayBeOpen = false;
    return piece;
  }

  /**
   * The start of the text may change with the start of the window; its end, where the text not yet given is,
   * does not.
   */
  #cut(): void {
    const open = this.#text.length - this.#given;
    this.#window = this.#window.slice(-CONTEXT);
    this.#text = this.#decode(this.#window);
    this.#given = this.#text.length - open;
  }

  #decode(ids: readonly number[]): string {
    return this.#tokenizer.decode(ids, { skipSpecialTokens: this.#skipSpecialTokens });
  }

  #isReadable(id: number): boolean {
    if (this.#skipSpecialTokens && this.#tokenizer.specialIds.has(id)) return false;
    return this.#tokenizer.token(id) !== undefined;
  }

  /** The last `count` ids that have text, in order. */
  #lastReadable(ids: readonly number[], count: number): number[] {
    const readable: number[] = [];
    for (let index = ids.length - 1; index >= 0 && readable.length < count; index--) {
      const id = ids[index];
      if (id !== undefined && this.#isReadable(id)) readable.unshift(id);
    }
    return readable;
  }
}
