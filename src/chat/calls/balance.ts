import { JSON_OR_PYTHON, MAX_DEPTH, type Notation } from './literal.js';

const CLOSING: Readonly<Record<string, string>> = { '{': '}', '[': ']', '(': ')' };

/** Finds the bracket that closes the first one of a text that grows, looking at each character once. */
export class Balance {
  readonly #notation: Notation;
  readonly #open: string[] = [];
  #quote: string | undefined;
  #at = 0;

  constructor(notation: Notation = JSON_OR_PYTHON) {
    this.#notation = notation;
  }

  /**
   * @param text what was given before, and more.
   * @returns the place after the closing bracket; undefined while it may come; -1 where brackets do not match
   * or something stands there that no value has.
   */
  end(text: string): number | undefined {
    const { quotes, escapes, bareWords } = this.#notation;
    const longest = Math.max(...quotes.map(({ length }) => length));
    while (this.#at < text.length) {
      const character = text[this.#at]!;
      if (this.#quote !== undefined) {
        if (escapes && character === '\\') {
          if (this.#at + 1 >= text.length) return undefined;
          this.#at += 2;
          continue;
        }
        if (text.startsWith(this.#quote, this.#at)) {
          this.#at += this.#quote.length;
          this.#quote = undefined;
          continue;
        }
        if (isBeginning(text, this.#at, this.#quote)) return undefined;
        this.#at++;
        continue;
      }
      const quote = quotes.find(quote => text.startsWith(quote, this.#at));
      if (quote !== undefined) {
        this.#quote = quote;
        this.#at += quote.length;
        continue;
      }
      if (text.length - this.#at < longest && quotes.some(quote => isBeginning(text, this.#at, quote)))
        return undefined;
      const closing = CLOSING[character];
      if (closing !== undefined) {
        if (this.#open.length > MAX_DEPTH) return -1;
        this.#open.push(closing);
      } else if (/[}\])]/.test(character)) {
        if (this.#open.pop() !== character) return -1;
        if (this.#open.length === 0) return this.#at + 1;
      } else if (bareWords ? character === '<' : !/[\p{L}\p{N}\s_.,:=+-]/u.test(character)) return -1;
      this.#at++;
    }
    return undefined;
  }
}

/** Whether a text ends, from a place on, with the beginning of a word. */
function isBeginning(text: string, at: number, word: string): boolean {
  return text.length - at < word.length && word.startsWith(text.slice(at));
}
