import type { Budget } from './budget.js';
import { ANY, choice, EMPTY, one, repeat, sequence, type Expression } from './expression.js';
import { CHARACTERS, difference, intersection, rangesOf, union, type Ranges } from './ranges.js';
import { LIMITS, quote, Refusal, tooComplex } from './refusal.js';
import { unicodeProperty } from './unicode-property.js';

const DIGITS: Ranges = [[0x30, 0x39]];
const WORD: Ranges = union(DIGITS, [
  [0x41, 0x5a],
  [0x5f, 0x5f],
  [0x61, 0x7a],
]);
/** White space in ECMAScript's sense. */
const SPACE: Ranges = union(
  rangesOf(0x20, 0xa0, 0x1680, 0x2028, 0x2029, 0x202f, 0x205f, 0x3000, 0xfeff),
  [[0x09, 0x0d]],
  [[0x2000, 0x200a]],
);
const LINE_ENDS = rangesOf(0x0a, 0x0d, 0x2028, 0x2029);
const CLASSES: Readonly<Record<string, Ranges>> = { d: DIGITS, w: WORD, s: SPACE };
const CONTROLS: Readonly<Record<string, number>> = { f: 0x0c, n: 0x0a, r: 0x0d, t: 0x09, v: 0x0b };

/**
 * Parses a pattern that must match the text as a whole, as an expression over code points.
 *
 * @param pattern a regular expression of ECMAScript without look-around, back references, word boundaries and
 * flags.
 * @throws Refusal
 */
export function wholeMatch(pattern: string, budget: Budget): Expression {
  return new Parser(pattern, budget).parse();
}

/** Parses a pattern that must match somewhere in the text, as `pattern` of JSON Schema has it. */
export function partialMatch(pattern: string, budget: Budget): Expression {
  return sequence(repeat(ANY, 0), wholeMatch(pattern, budget), repeat(ANY, 0));
}

class Parser {
  readonly #pattern: string;
  readonly #budget: Budget;
  #at = 0;
  #depth = 0;

  constructor(pattern: string, budget: Budget) {
    this.#pattern = pattern;
    this.#budget = budget;
  }

  parse(): Expression {
    const { length } = this.#pattern;
    if (length > LIMITS.pattern)
      throw new Refusal('', `has ${length} characters, more than ${LIMITS.pattern}`);
    this.#budget.charge(32 * length);
    if (!isPattern(this.#pattern, 'u') && !isPattern(this.#pattern, ''))
      throw new Refusal('', `${quote(this.#pattern)} is not a regular expression`);
    const result = this.#alternatives();
    if (this.#at < this.#pattern.length) throw this.#unsupported(`"${this.#peek()}"`);
    return result;
  }

  #alternatives(): Expression {
    if (++this.#depth > 200) throw tooComplex();
    const items = [this.#terms()];
    while (this.#take('|')) items.push(this.#terms());
    this.#depth--;
    return choice(...items);
  }

  #terms(): Expression {
    const items: Expression[] = [];
    while (this.#at < this.#pattern.length && !this.#sees('|') && !this.#sees(')'))
      items.push(this.#quantified(this.#atom()));
    return sequence(...items);
  }

  #atom(): Expression {
    if (this.#take('^')) return { kind: 'begin' };
    if (this.#take('$')) return { kind: 'end' };
    if (this.#take('.')) return one(difference(CHARACTERS, LINE_ENDS));
    if (this.#take('(')) return this.#group();
    if (this.#take('[')) return one(this.#set());
    if (this.#take('\\')) return this.#escapedAtom();
    return one(intersection(rangesOf(this.#character()), CHARACTERS));
  }

  #group(): Expression {
    if (this.#take('?')) {
      if (/^(?:[=!]|<[=!])/.test(this.#pattern.slice(this.#at))) throw this.#unsupported('look-around');
      if (this.#take('<')) this.#at = this.#pattern.indexOf('>', this.#at) + 1;
      else if (!this.#take(':')) throw this.#unsupported('flags within the expression');
    }
    const inner = this.#alternatives();
    this.#take(')');
    return inner;
  }

  #escapedAtom(): Expression {
    const next = this.#peek();
    if (/[bB]/.test(next)) throw this.#unsupported(`\\${next}`);
    if (/[1-9k]/.test(next)) throw this.#unsupported('back references');
    return one(intersection(this.#escape(), CHARACTERS));
  }

  /** The characters of an escape after its backslash, here and in sets. */
  #escape(): Ranges {
    const letter = this.#peek();
    const kind = CLASSES[letter.toLowerCase()];
    if (kind !== undefined) {
      this.#at++;
      return letter === letter.toLowerCase() ? kind : difference(CHARACTERS, kind);
    }
    if (/^[pP]\{/.test(this.#pattern.slice(this.#at))) {
      const end = this.#pattern.indexOf('}', this.#at) + 1;
      const source = this.#pattern.slice(this.#at, end);
      this.#at = end;
      return this.#property(source);
    }
    const hex = /^(?:x([\da-fA-F]{2})|u([\da-fA-F]{4})|u\{([\da-fA-F]+)\})/.exec(
      this.#pattern.slice(this.#at),
    );
    if (hex !== null) {
      this.#at += hex[0].length;
      const value = parseInt(hex[1] ?? hex[2] ?? hex[3]!, 16);
      const pair = /^\\u(d[c-f][\da-f]{2})/i.exec(this.#pattern.slice(this.#at));
      if (value < 0xd800 || value > 0xdbff || pair === null) return rangesOf(value);
      this.#at += pair[0].length;
      return rangesOf(0x10000 + (value - 0xd800) * 0x400 + (parseInt(pair[1]!, 16) - 0xdc00));
    }
    const control = /^c([a-zA-Z])/.exec(this.#pattern.slice(this.#at));
    if (control !== null) {
      this.#at += 2;
      return rangesOf(control[1]!.charCodeAt(0) % 32);
    }
    const code = CONTROLS[letter] ?? (/^0(?!\d)/.test(this.#pattern.slice(this.#at)) ? 0 : undefined);
    if (code !== undefined) {
      this.#at++;
      return rangesOf(code);
    }
    // Without a flag, ECMAScript takes other letters as they are, where other dialects have anchors and classes.
    if (/[\p{L}\p{N}]/u.test(letter)) throw this.#unsupported(`\\${letter}`);
    return rangesOf(this.#character());
  }

  #property(source: string): Ranges {
    const characters = unicodeProperty(source, this.#budget);
    this.#budget.charge(4 * characters.length);
    return characters;
  }

  #set(): Ranges {
    const negated = this.#take('^');
    const parts: Ranges[] = [];
    while (!this.#take(']')) {
      const foreign = /^(?:\[(?::\^?\w{1,20}:|\.[^\]]{1,20}\.|=[^\]]{1,20}=)\]|(?:&&|--|~~|\|\|)\[)/.exec(
        this.#pattern.slice(this.#at),
      );
      if (foreign !== null) throw this.#unsupported(`"${foreign[0]}" within brackets`);
      const first = this.#member();
      if (this.#sees('-') && this.#pattern[this.#at + 1] !== ']' && isSingle(first)) {
        this.#at++;
        const last = this.#member();
        if (isSingle(last)) parts.push([[first[0]![0], last[0]![0]]]);
        else parts.push(first, last, rangesOf(0x2d));
      } else parts.push(first);
    }
    const result = union(...parts);
    return negated ? difference(CHARACTERS, result) : intersection(result, CHARACTERS);
  }

  #member(): Ranges {
    if (!this.#take('\\')) return rangesOf(this.#character());
    // Within a set, \b is a backspace.
    return this.#take('b') ? rangesOf(0x08) : this.#escape();
  }

  #quantified(item: Expression): Expression {
    const [min, max] = this.#quantifier();
    if (min === 1 && max === 1) return item;
    // Lazy or greedy: the same texts match.
    this.#take('?');
    if (min > LIMITS.dfaStates || (max !== Infinity && max > LIMITS.dfaStates)) throw tooComplex();
    return max === 0 ? EMPTY : repeat(item, min, max);
  }

  #quantifier(): [min: number, max: number] {
    if (this.#take('*')) return [0, Infinity];
    if (this.#take('+')) return [1, Infinity];
    if (this.#take('?')) return [0, 1];
    const braces = /^\{(\d+)(,(\d*))?\}/.exec(this.#pattern.slice(this.#at, this.#at + 40));
    if (braces === null) return [1, 1];
    this.#at += braces[0].length;
    const min = Number(braces[1]);
    const max = braces[2] === undefined ? min : braces[3] === '' ? Infinity : Number(braces[3]);
    return [min, max];
  }

  #character(): number {
    const code = this.#pattern.codePointAt(this.#at)!;
    this.#at += code > 0xffff ? 2 : 1;
    return code;
  }

  #peek(): string {
    return this.#pattern[this.#at] ?? '';
  }

  #sees(character: string): boolean {
    return this.#pattern[this.#at] === character;
  }

  #take(character: string): boolean {
    if (!this.#sees(character)) return false;
    this.#at++;
    return true;
  }

  #unsupported(what: string): Refusal {
    return new Refusal('', `${what} in ${quote(this.#pattern)} is not supported`);
  }
}

function isSingle(ranges: Ranges): boolean {
  return ranges.length === 1 && ranges[0]![0] === ranges[0]![1];
}

function isPattern(pattern: string, flags: string): boolean {
  try {
    new RegExp(pattern, flags);
    return true;
  } catch {
    return false;
  }
}
