import type { Budget } from './budget.js';
import { compact, intersect, toDfa, type Dfa } from './dfa.js';
import {
  allOf,
  ANY,
  choice,
  EMPTY,
  literal,
  NEVER,
  one,
  optional,
  repeat,
  sequence,
  type Expression,
} from './expression.js';
import { FORMATS } from './formats.js';
import { DIGITS, digitsOfMultiples, multiples, numberExpression } from './numbers.js';
import { rangesOf } from './ranges.js';
import type { PatternAutomata } from './pattern-automata.js';
import { at, Refusal } from './refusal.js';
import type { NumberShape, StringShape } from './shapes.js';
import { anyJsonCharacter, EXIT, jsonCharacters, marked } from './symbols.js';

export const byte = (character: string): Expression => literal(character);
export const mark = (character: string, as: number): Expression =>
  marked(rangesOf(character.charCodeAt(0)), as);

/** Deepest indentation. */
const INDENT = 16;
const INDENTATION = choice(repeat(byte(' '), 0, INDENT), repeat(byte('\t'), 1, INDENT / 2));
/**
 * White space as people and programs write it: none, a space, or a new line with an indentation. Its length
 * is limited, since models have been seen to write spaces until their context was full.
 */
export const GAP = compact(choice(EMPTY, byte(' '), sequence(byte('\n'), INDENTATION)));
/**
 * The end of a list or an object that counts. White space before the bracket ends the counting too, since
 * nothing else can follow that.
 */
export function closedBy(bracket: string): Expression {
  return choice(
    mark(bracket, EXIT),
    sequence(mark(' ', EXIT), byte(bracket)),
    sequence(mark('\n', EXIT), INDENTATION, byte(bracket)),
  );
}
export const COLON = sequence(byte(':'), optional(byte(' ')));
export const ANY_STRING = compact(sequence(byte('"'), repeat(anyJsonCharacter(), 0), byte('"')));

/** True if a string is limited by more than its length. */
export function saysMore({ patterns, formats }: StringShape): boolean {
  return patterns.length > 0 || formats.some(({ value }) => FORMATS.get(value) !== undefined);
}

/** The texts of a string with patterns or formats; undefined if only the length is limited. */
export function textOf(
  { minLength, maxLength, patterns, formats }: StringShape,
  automata: PatternAutomata,
  budget: Budget,
): Dfa | undefined {
  const [first, ...others] = [
    ...patterns.map(pattern => automata.ofPattern(pattern)),
    ...formats.flatMap(format => automata.ofFormat(format) ?? []),
  ];
  if (first === undefined) return undefined;
  if (minLength > maxLength) return toDfa(NEVER, budget);
  if (minLength > 0 || maxLength !== Infinity) others.push(toDfa(repeat(ANY, minLength, maxLength), budget));
  return others.reduce((left, right) => intersect(left, right, budget), first);
}

/** Texts as JSON strings. */
export function quoted(texts: Dfa, budget: Budget): Expression {
  const characters: Expression = { kind: 'automaton', dfa: texts, spell: jsonCharacters };
  return compact(sequence(byte('"'), characters, byte('"')), budget);
}

export function numberText(shape: NumberShape, budget: Budget): Expression {
  const { multipleOf } = shape;
  const digits = Math.min(DIGITS, ...multipleOf.map(({ value }) => digitsOfMultiples(value)));
  const expression = numberExpression(shape, budget, digits);
  if (multipleOf.length === 0) return expression;
  const dfa = multipleOf.reduce(
    (left, { value, pointer }) =>
      intersect(
        left,
        at(pointer, () => multiples(value, budget)),
        budget,
      ),
    toDfa(expression, budget),
  );
  return { kind: 'automaton', dfa, spell: one };
}

/** The characters of ASCII in JSON strings. */
const ASCII = Array.from({ length: 128 }, (_, code) => jsonCharacters(rangesOf(code)));

/** A constant in JSON, with white space where {@link GAP} admits it. */
export function constant(value: unknown, budget: Budget): Expression {
  budget.charge(4);
  if (Array.isArray(value))
    return list(
      '[',
      ']',
      value.map(item => constant(item, budget)),
    );
  if (typeof value === 'object' && value !== null)
    return list(
      '{',
      '}',
      Object.entries(value).map(([key, entry]) =>
        sequence(constant(key, budget), COLON, constant(entry, budget)),
      ),
    );
  if (typeof value === 'number' && !Number.isFinite(value))
    throw new Refusal('', 'has a number that is too large');
  if (typeof value !== 'string')
    return literal(typeof value === 'bigint' ? String(value) : JSON.stringify(value));
  budget.charge(16 * value.length);
  const characters = Array.from(value, character => {
    const code = character.codePointAt(0)!;
    // Half a surrogate pair is no character, and has only its escape.
    if (code >= 0xd800 && code <= 0xdfff) return literal(`\\u${code.toString(16)}`);
    return ASCII[code] ?? jsonCharacters(rangesOf(code));
  });
  return allOf([byte('"'), ...characters, byte('"')]);
}

function list(open: string, close: string, items: readonly Expression[]): Expression {
  if (items.length === 0) return literal(open + close);
  const separated = items.flatMap((item, index) => (index === 0 ? [item] : [byte(','), GAP, item]));
  return allOf([byte(open), GAP, ...separated, GAP, byte(close)]);
}
