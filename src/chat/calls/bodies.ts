import { Balance } from './balance.js';
import { GEMMA, readLiteral, type Notation } from './literal.js';
import { argumentsOf, callOf, type WrittenCall } from './written-call.js';

/**
 * What a text is so far: `open` while it may become a call, `none` once it cannot, or a call up to a place.
 */
export type Reading = 'open' | 'none' | { readonly end: number; readonly call: WrittenCall };

/** Reads the text of one call, which grows, from its first character on. */
export interface CallBody {
  /** @param text what was given before, and more. */
  read(text: string): Reading;
}

/** An object with a name and arguments, or a call in Python's form. */
export class LiteralBody implements CallBody {
  readonly #balance = new Balance();
  readonly #named: boolean;

  /** @param named whether a name without arguments is a call. */
  constructor(named: boolean) {
    this.#named = named;
  }

  read(text: string): Reading {
    return balanced(this.#balance, text, whole => {
      const literal = readLiteral(whole);
      return literal?.end === whole.length ? callOf(literal, whole, this.#named) : undefined;
    });
  }
}

/** Longest text before the arguments of a call whose name stands before them. */
const MAX_HEAD = 512;

/** What stands before the arguments of a call whose name stands there. */
export interface Head {
  /** All that stands before the object's bracket; its group `name` is the function's name. */
  readonly whole: RegExp;
  /** Beginnings that can become none. */
  readonly never?: RegExp;
  /** How the object is written. */
  readonly notation?: Notation;
}

/** Mistral's, with the id of the call or without. */
export const MISTRAL_HEAD: Head = {
  whole: /^(?<name>[^\s[\]{}"'<>()]+)\s*(?:\[CALL_ID\]\s*[\w-]*\s*)?(?:\[ARGS\]\s*)?$/,
  never: /^[^\s[{]*(?:\s+[^\s[{]|["'<>()])/,
};

/** Gemma's. */
export const GEMMA_HEAD: Head = {
  whole: /^call:\s*(?<name>[^\s[\]{}"'<>()]+)\s*$/,
  never: /^(?!call:|c?$|ca$|cal$|call$)/,
  notation: GEMMA,
};

/** A name, something after it, and an object: `name[ARGS]{...}`, `call:name{...}`. */
export class NamedBody implements CallBody {
  readonly #head: Head;
  #name: string | undefined;
  #from = 0;
  readonly #balance: Balance;

  constructor(head: Head) {
    this.#head = head;
    this.#balance = new Balance(head.notation);
  }

  read(text: string): Reading {
    if (this.#name === undefined) {
      const brace = text.indexOf('{');
      const head = text.slice(0, brace < 0 ? undefined : brace);
      if (head.length > MAX_HEAD || this.#head.never?.test(head)) return 'none';
      if (brace < 0) return 'open';
      this.#name = this.#head.whole.exec(head)?.groups?.name;
      if (this.#name === undefined) return 'none';
      this.#from = brace;
    }
    const name = this.#name;
    const reading = balanced(this.#balance, text.slice(this.#from), whole => {
      const json = argumentsOf(readLiteral(whole, this.#head.notation), whole);
      return json === undefined ? undefined : { name, arguments: json };
    });
    return typeof reading === 'string' ? reading : { ...reading, end: reading.end + this.#from };
  }
}

function balanced(balance: Balance, text: string, read: (whole: string) => WrittenCall | undefined): Reading {
  const end = balance.end(text);
  if (end === undefined) return 'open';
  const call = end < 0 ? undefined : read(text.slice(0, end));
  return call === undefined ? 'none' : { end, call };
}
