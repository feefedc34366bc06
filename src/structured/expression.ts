import { CHARACTERS, rangesOf, type Ranges } from './ranges.js';
import type { Dfa } from './dfa.js';

/**
 * A regular expression over integers. The user decides what these are: code points if it describes the text
 * itself, bytes and calls of other rules (see `symbols.ts`) in a grammar.
 */
export type Expression =
  | { readonly kind: 'one'; readonly of: Ranges }
  | { readonly kind: 'sequence'; readonly items: readonly Expression[] }
  | { readonly kind: 'choice'; readonly items: readonly Expression[] }
  | {
      readonly kind: 'repeat';
      readonly item: Expression;
      readonly min: number;
      /** Infinity: any number. */
      readonly max: number;
    }
  /** Matches the empty text, at the beginning or the end of the text only. */
  | { readonly kind: 'begin' | 'end' }
  /** Matches what an automaton accepts, with each of its symbols spelled by an expression. */
  | { readonly kind: 'automaton'; readonly dfa: Dfa; readonly spell: (of: Ranges) => Expression };

/** Matches the empty text. */
export const EMPTY: Expression = { kind: 'sequence', items: [] };
/** Matches nothing. */
export const NEVER: Expression = { kind: 'choice', items: [] };
/** Any character. */
export const ANY: Expression = { kind: 'one', of: CHARACTERS };

export function one(of: Ranges): Expression {
  return of.length === 0 ? NEVER : { kind: 'one', of };
}

export function sequence(...items: readonly Expression[]): Expression {
  return allOf(items);
}

export function choice(...items: readonly Expression[]): Expression {
  return oneOf(items);
}

/** A sequence of items that may be many: too many to be arguments. */
export function allOf(items: readonly Expression[]): Expression {
  return items.length === 1 ? items[0]! : { kind: 'sequence', items };
}

/** A choice of items that may be many: too many to be arguments. */
export function oneOf(items: readonly Expression[]): Expression {
  return items.length === 1 ? items[0]! : { kind: 'choice', items };
}

export function repeat(item: Expression, min: number, max = Infinity): Expression {
  return { kind: 'repeat', item, min, max };
}

export function optional(item: Expression): Expression {
  return repeat(item, 0, 1);
}

/** Matches a text, character by character; over ASCII that is byte by byte too. */
export function literal(text: string): Expression {
  return allOf(Array.from(text, character => one(rangesOf(character.codePointAt(0)!))));
}
