import { anyOf } from '../offsets.js';
import type { Span } from '../types.js';

/** A token that stands for itself wherever a text has it. */
export interface AddedToken {
  readonly id: number;
  readonly content: string;
  /** Never part of readable text. */
  readonly special: boolean;
  /** The token includes white space before it, or after it. */
  readonly lstrip: boolean;
  readonly rstrip: boolean;
  /** Not within a word. */
  readonly singleWord: boolean;
}

/** A part of a text: an added token, or text without any. */
export interface Section extends Span {
  readonly token?: AddedToken;
}

/** Added tokens by id and by content. */
export class AddedTokens {
  readonly #byId = new Map<number, AddedToken>();
  readonly #byContent = new Map<string, AddedToken>();
  readonly #pattern: RegExp | undefined;

  /** @throws Error where two have one id */
  constructor(tokens: Iterable<AddedToken>) {
    for (const token of tokens) {
      const other = this.#byId.get(token.id);
      if (other !== undefined && other.content !== token.content)
        throw new Error(
          `the added tokens ${JSON.stringify(other.content)} and ${JSON.stringify(token.content)} both have the id ${token.id}`,
        );
      this.#byId.set(token.id, token);
      this.#byContent.set(token.content, token);
    }
    this.#pattern = anyOf([...this.#byContent.keys()]);
  }

  get(content: string): AddedToken | undefined {
    return this.#byContent.get(content);
  }

  at(id: number): AddedToken | undefined {
    return this.#byId.get(id);
  }

  [Symbol.iterator](): Iterator<AddedToken> {
    return this.#byId.values();
  }

  /** Cuts a text at added tokens; the parts between them are never empty. */
  split(text: string): Section[] {
    const sections: Section[] = [];
    let start = 0;
    const addText = (end: number, next?: AddedToken): void => {
      let from = start;
      let to = end;
      if (sections.at(-1)?.token?.rstrip === true) while (from < to && SPACE.test(text[from]!)) from++;
      if (next?.lstrip === true) while (from < to && SPACE.test(text[to - 1]!)) to--;
      if (from < to) sections.push({ start: from, end: to });
    };
    for (const { 0: content, index } of this.#pattern === undefined ? [] : text.matchAll(this.#pattern)) {
      const token = this.#byContent.get(content)!;
      const end = index + content.length;
      if (token.singleWord && (isWordAt(text, index - 1) || isWordAt(text, end))) continue;
      addText(index, token);
      sections.push({ start: index, end, token });
      start = end;
    }
    addText(text.length);
    return sections;
  }
}

/** White space as Python has it. */
// eslint-disable-next-line no-control-regex -- separators are white space there
const SPACE = /[\t-\r\x1c-\x20\x85\xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000]/;

function isWordAt(text: string, place: number): boolean {
  const character = text[place];
  return character !== undefined && character !== ' ';
}
