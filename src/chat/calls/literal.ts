/** How values are written in a text. */
export interface Notation {
  /** What strings begin and end with: each with itself. */
  readonly quotes: readonly string[];
  /** Whether a backslash in a string has a meaning. */
  readonly escapes: boolean;
  /** Whether words without quotes are strings: keys, and values that are neither numbers nor constants. */
  readonly bareWords: boolean;
}

/** JSON and Python: models mix them up. */
export const JSON_OR_PYTHON: Notation = { quotes: ['"', "'"], escapes: true, bareWords: false };

/** Gemma's: `{city:<escape>Paris<escape>,days:3}`. */
export const GEMMA: Notation = { quotes: ['<escape>', '<|"|>'], escapes: false, bareWords: true };

/** A value in a text, `[start, end)` of it. */
export type Literal = { readonly start: number; readonly end: number } & (
  | { readonly type: 'string'; readonly value: string }
  /** A number or a constant. @property json its text in JSON */
  | { readonly type: 'scalar'; readonly json: string }
  | { readonly type: 'list'; readonly items: readonly Literal[] }
  | { readonly type: 'map'; readonly members: readonly (readonly [key: string, value: Literal])[] }
  /** `name(key=value, ...)` */
  | {
      readonly type: 'call';
      readonly name: string;
      readonly members: readonly (readonly [key: string, value: Literal])[];
    }
);

/** Deepest lists and maps. They are read by recursion, and requests have a limit for them as well. */
export const MAX_DEPTH = 200;

const CONSTANTS: Readonly<Record<string, string>> = {
  true: 'true',
  True: 'true',
  false: 'false',
  False: 'false',
  null: 'null',
  None: 'null',
};

/**
 * Reads one value at the beginning of a text, white space before it left out: JSON with the liberties that
 * models take (single quotes, line breaks in strings, Python's constants, commas at the end), or a call in
 * Python's form.
 *
 * @returns undefined where there is none.
 */
export function readLiteral(text: string, notation: Notation = JSON_OR_PYTHON): Literal | undefined {
  try {
    return new LiteralReader(text, notation).value(0);
  } catch (error) {
    if (error instanceof NoLiteral) return undefined;
    throw error;
  }
}

class NoLiteral extends Error {}

class LiteralReader {
  readonly #text: string;
  readonly #notation: Notation;
  #at = 0;

  constructor(text: string, notation: Notation) {
    this.#text = text;
    this.#notation = notation;
  }

  value(depth: number): Literal {
    if (depth > MAX_DEPTH) throw new NoLiteral();
    this.#space();
    const start = this.#at;
    const quote = this.#notation.quotes.find(quote => this.#text.startsWith(quote, start));
    if (quote !== undefined) {
      const value = this.#string(quote);
      return { type: 'string', value, start, end: this.#at };
    }
    switch (this.#text[start]) {
      case '{': {
        const members = this.#list('}', () => this.#member(':', depth));
        return { type: 'map', members, start, end: this.#at };
      }
      case '[': {
        const items = this.#list(']', () => this.value(depth + 1));
        return { type: 'list', items, start, end: this.#at };
      }
      case undefined:
      default:
        return this.#word(start, depth);
    }
  }

  #word(start: number, depth: number): Literal {
    const number = this.#match(/-?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?(?![\w.])/y);
    if (number !== undefined) return { type: 'scalar', json: jsonNumber(number), start, end: this.#at };
    if (this.#notation.bareWords) {
      const word = this.#match(/[^,:{}[\]<]+/y)?.trim();
      if (word === undefined) throw new NoLiteral();
      return Object.hasOwn(CONSTANTS, word)
        ? { type: 'scalar', json: CONSTANTS[word]!, start, end: this.#at }
        : { type: 'string', value: word, start, end: this.#at };
    }
    const name = this.#match(/[\p{L}_][\p{L}\p{N}_.-]*/uy);
    if (name === undefined) throw new NoLiteral();
    if (Object.hasOwn(CONSTANTS, name))
      return { type: 'scalar', json: CONSTANTS[name]!, start, end: this.#at };
    if (depth > 1 || this.#text[this.#at] !== '(') throw new NoLiteral();
    const members = this.#list(')', () => this.#member('=', depth));
    return { type: 'call', name, members, start, end: this.#at };
  }

  #member(sign: string, depth: number): readonly [string, Literal] {
    this.#space();
    const quote = this.#notation.quotes.find(quote => this.#text.startsWith(quote, this.#at));
    const key =
      sign === '='
        ? this.#match(/[\p{L}_][\p{L}\p{N}_]*/uy)
        : quote !== undefined
          ? this.#string(quote)
          : this.#notation.bareWords
            ? this.#match(/[^,:{}[\]<]+/y)?.trim()
            : undefined;
    this.#space();
    if (key === undefined || this.#text[this.#at] !== sign) throw new NoLiteral();
    this.#at++;
    return [key, this.value(depth + 1)];
  }

  /** From an opening bracket to the closing one. */
  #list<T>(close: string, read: () => T): T[] {
    const items: T[] = [];
    this.#at++;
    for (;;) {
      this.#space();
      if (this.#text[this.#at] === close) break;
      items.push(read());
      this.#space();
      if (this.#text[this.#at] === ',') this.#at++;
      else if (this.#text[this.#at] !== close) throw new NoLiteral();
    }
    this.#at++;
    return items;
  }

  #string(quote: string): string {
    const parts: string[] = [];
    let from = this.#at + quote.length;
    for (let at = from; at < this.#text.length; at++) {
      if (this.#notation.escapes && this.#text[at] === '\\') {
        const { text, length } = unescaped(this.#text, at);
        parts.push(this.#text.slice(from, at), text);
        from = at + length;
        at = from - 1;
      } else if (this.#text.startsWith(quote, at)) {
        this.#at = at + quote.length;
        return parts.join('') + this.#text.slice(from, at);
      }
    }
    throw new NoLiteral();
  }

  #match(pattern: RegExp): string | undefined {
    pattern.lastIndex = this.#at;
    const match = pattern.exec(this.#text)?.[0];
    this.#at += match?.length ?? 0;
    return match;
  }

  #space(): void {
    this.#match(/\s*/y);
  }
}

const ESCAPED: Readonly<Record<string, string>> = {
  ...{ n: '\n', t: '\t', r: '\r', b: '\b', f: '\f', '\n': '' },
  ...{ '\\': '\\', '/': '/', '"': '"', "'": "'" },
};

/** What an escape at a place stands for; one that is unknown stands for itself. */
function unescaped(text: string, at: number): { readonly text: string; readonly length: number } {
  const code = /^\\(?:u([\da-fA-F]{4})|x([\da-fA-F]{2}))/.exec(text.slice(at, at + 6));
  if (code !== null)
    return { text: String.fromCharCode(parseInt(code[1] ?? code[2]!, 16)), length: code[0].length };
  const next = text[at + 1] ?? '';
  return { text: ESCAPED[next] ?? `\\${next}`, length: 1 + next.length };
}

function jsonNumber(text: string): string {
  return /^-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?$/.test(text) ? text : JSON.stringify(Number(text));
}

/** A value as JSON: as it is written where that is JSON already. @param text what it was read from */
export function jsonOf(literal: Literal, text: string): string {
  const written = text.slice(literal.start, literal.end);
  try {
    JSON.parse(written);
    return written;
  } catch {
    return rewritten(literal);
  }
}

function rewritten(literal: Literal): string {
  switch (literal.type) {
    case 'string':
      return JSON.stringify(literal.value);
    case 'scalar':
      return literal.json;
    case 'list':
      return `[${literal.items.map(rewritten).join(', ')}]`;
    case 'map':
    case 'call':
      return jsonObject(literal.members.map(([key, value]) => [key, rewritten(value)]));
  }
}

/** An object of members that are JSON already. */
export function jsonObject(members: readonly (readonly [key: string, json: string])[]): string {
  return `{${members.map(([key, json]) => `${JSON.stringify(key)}: ${json}`).join(', ')}}`;
}
