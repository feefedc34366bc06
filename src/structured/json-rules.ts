import { compact, intersect, isEmpty, subtract, toDfa, type Dfa, type Edge } from './dfa.js';
import {
  choice,
  EMPTY,
  literal,
  NEVER,
  one,
  optional,
  repeat,
  sequence,
  ANY,
  type Expression,
} from './expression.js';
import { FORMATS } from './formats.js';
import { multiples, numberExpression } from './numbers.js';
import { rangesOf } from './ranges.js';
import { at, LIMITS, Refusal } from './refusal.js';
import { partialMatch, wholeMatch } from './regex.js';
import type { Pointers } from './conjunctions.js';
import type { SchemaShapes } from './schema-shapes.js';
import type { ArrayShape, NumberShape, ObjectShape, Shape, StringShape } from './shapes.js';
import { anyJsonCharacter, call, COUNT, EXIT, jsonCharacters, marked } from './symbols.js';

/** How often a rule does something between its beginning and its end. */
export interface Counter {
  /** What the count is at the rule's beginning. */
  readonly initial: number;
  readonly min: number;
  readonly max: number;
}

/** A rule of a grammar, over the symbols of `symbols.ts`. */
export interface Rule {
  readonly expression: Expression;
  readonly counter: Counter | undefined;
}

const byte = (character: string): Expression => literal(character);
const mark = (character: string, as: number): Expression => marked(rangesOf(character.charCodeAt(0)), as);

/** Deepest indentation. */
const INDENT = 16;
const INDENTATION = choice(repeat(byte(' '), 0, INDENT), repeat(byte('\t'), 1, INDENT / 2));
/**
 * White space where people and programs put it: none, a space, or a new line with an indentation. It has an end, since models have been
 * seen to write spaces until their context was full.
 */
const GAP = compact(choice(EMPTY, byte(' '), sequence(byte('\n'), INDENTATION)));
/** The end of a list that counts; white space before it ends the counting too, since nothing else can follow that. */
const COUNTED_END = choice(
  mark(']', EXIT),
  sequence(mark(' ', EXIT), byte(']')),
  sequence(mark('\n', EXIT), INDENTATION, byte(']')),
);
const COLON = sequence(byte(':'), optional(byte(' ')));
const ANY_INTEGER = compact(numberExpression({ integer: true, min: undefined, max: undefined }));
const ANY_NUMBER = compact(numberExpression({ integer: false, min: undefined, max: undefined }));
const ANY_STRING = compact(sequence(byte('"'), repeat(anyJsonCharacter(), 0), byte('"')));

/** Writes the rules for the values of schemas: scalars in place, lists and objects as rules of their own, which may refer to themselves. */
export class JsonRules {
  /** The first one is the schema's own. */
  readonly rules: Rule[] = [];
  readonly #shapes: SchemaShapes;
  readonly #numbers = new Map<string, number>();
  readonly #pending: (() => void)[] = [];

  /** @param pointers of the schemas that hold for the whole text. */
  constructor(shapes: SchemaShapes, pointers: Pointers, only?: Shape['type']) {
    this.#shapes = shapes;
    this.#add('', () => ({ expression: this.#value(pointers, only), counter: undefined }));
    for (let write = this.#pending.shift(); write !== undefined; write = this.#pending.shift()) write();
  }

  #add(key: string, write: () => Rule): number {
    const known = this.#numbers.get(key);
    if (known !== undefined) return known;
    const number = this.rules.push({ expression: NEVER, counter: undefined }) - 1;
    if (number > LIMITS.dfaStates / 8) throw new Refusal('', 'has too many parts');
    this.#numbers.set(key, number);
    this.#pending.push(() => (this.rules[number] = write()));
    return number;
  }

  /** A value for which all of the schemas hold. */
  #value(pointers: Pointers, only?: Shape['type']): Expression {
    const names = [...new Set(pointers)].sort();
    const shapes = this.#shapes.of(names);
    return at(names[0] ?? '', () =>
      choice(
        ...shapes.map((shape, index) => {
          if (only !== undefined && shape.type !== only) return NEVER;
          return this.#shape(shape, `${names.join(' ')} ${index}`);
        }),
      ),
    );
  }

  #shape(shape: Shape, key: string): Expression {
    switch (shape.type) {
      case 'values':
        return choice(...shape.values.map(constant));
      case 'null':
        return literal('null');
      case 'boolean':
        return choice(literal('true'), literal('false'));
      case 'number':
        if (shape.min === undefined && shape.max === undefined && shape.multipleOf.length === 0)
          return shape.integer ? ANY_INTEGER : ANY_NUMBER;
        return call(this.#add(key, () => ({ expression: number(shape), counter: undefined })));
      case 'string':
        return this.#string(shape, key);
      case 'array':
        return call(this.#add(key, () => this.#array(shape)));
      case 'object':
        return call(this.#add(key, () => ({ expression: this.#object(shape), counter: undefined })));
    }
  }

  #string(shape: StringShape, key: string): Expression {
    const { minLength: min, maxLength: max } = shape;
    if (saysMore(shape))
      return call(this.#add(key, () => ({ expression: quoted(textOf(shape)!), counter: undefined })));
    if (min === 0 && max === Infinity) return ANY_STRING;
    if (min > max) return NEVER;
    return call(
      this.#add(`string ${min} ${max}`, () => ({
        expression: sequence(byte('"'), repeat(anyJsonCharacter(COUNT), 0), mark('"', EXIT)),
        counter: { initial: 0, min, max },
      })),
    );
  }

  #array({ prefix, items, minItems, maxItems }: ArrayShape): Rule {
    const values = prefix.map(pointers => this.#value(pointers));
    const last = values.length;
    const next = sequence(byte(','), GAP);
    let rest: Expression = NEVER;
    let counter: Counter | undefined;
    if (items !== undefined && maxItems > last) {
      const value = this.#value(items);
      const counts = minItems > Math.max(1, last) || maxItems !== Infinity;
      const more = sequence(counts ? mark(',', COUNT) : byte(','), GAP, value);
      const end = counts ? COUNTED_END : sequence(GAP, byte(']'));
      const initial = Math.max(1, last);
      if (counts) counter = { initial, min: minItems, max: maxItems };
      rest = last === 0 ? sequence(value, repeat(more, 0), end) : sequence(repeat(more, 0), end);
    }
    // From the last item of the prefix back to the first: after each, the list may end or go on.
    const tail = values.reduceRight<Expression>((after, value, index) => {
      const count = index + 1;
      const ends = count >= minItems && (count < last || counter === undefined);
      const follows = count === last ? after : sequence(next, after);
      return sequence(value, choice(ends ? sequence(GAP, byte(']')) : NEVER, follows));
    }, rest);
    const empty = minItems === 0 ? byte(']') : NEVER;
    return { expression: sequence(byte('['), choice(empty, sequence(GAP, tail))), counter };
  }

  /** Properties in their order, those that are not required present or not, then additional ones. */
  #object(shape: ObjectShape): Expression {
    const { properties, minProperties, maxProperties } = shape;
    const members = properties.map(({ name, schema }) =>
      this.#isName(shape, name) ? sequence(constant(name), COLON, this.#value(schema)) : NEVER,
    );
    const additional = this.#additional(shape);
    const most = members.length + (additional === NEVER ? 0 : 1);
    // A key that comes twice counts once, so of the additional ones only the first is sure to count.
    if (minProperties > most && maxProperties > most)
      throw new Refusal('', 'minProperties is supported up to the number of named properties and one more');

    // The object as an automaton over members: what is counted is capped where more makes no difference.
    const cap = Math.max(1, maxProperties === Infinity ? minProperties : maxProperties);
    if (cap * most > LIMITS.dfaStates) throw new Refusal('', 'maxProperties is too large');
    const last = members.length;
    const edges: Edge[][] = [];
    const accepting: boolean[] = [];
    const state = (index: number, count: number): number => index * (cap + 1) + count;
    for (let index = 0; index <= last; index++) {
      for (let count = 0; count <= cap; count++) {
        const next = Math.min(count + 1, cap);
        const full = count >= maxProperties;
        const outgoing: Edge[] = [];
        if (index < last && !properties[index]!.required)
          outgoing.push(single(SKIP, state(index + 1, count)));
        if (!full) outgoing.push(single(memberSymbol(index, count), state(Math.min(index + 1, last), next)));
        edges.push(outgoing);
        accepting.push(index === last && count >= Math.max(1, minProperties));
      }
    }
    if (minProperties > 1) {
      const others = maxProperties === Infinity ? [single(memberSymbol(last, cap), edges.length)] : [];
      const after = edges.push(others) - 1;
      accepting.push(true);
      for (let count = 0; count < cap; count++)
        edges[state(last, count)] =
          count + 1 >= minProperties ? [single(memberSymbol(last, count), after)] : [];
    }
    const body: Expression = {
      kind: 'automaton',
      dfa: { edges, accepting },
      spell: symbols =>
        choice(
          ...symbols.map(([symbol]) => {
            if (symbol === SKIP) return EMPTY;
            const index = (symbol - 1) >> 1;
            const text = members[index] ?? additional;
            return symbol % 2 === 1 ? text : sequence(byte(','), GAP, text);
          }),
        ),
    };
    const mayBeEmpty = minProperties === 0 && !properties.some(({ required }) => required);
    const rest = sequence(GAP, body, GAP, byte('}'));
    return sequence(byte('{'), mayBeEmpty ? choice(byte('}'), rest) : rest);
  }

  #isName({ names }: ObjectShape, name: string): boolean {
    return names.length === 0 || !isEmpty(intersect(this.#names(names), toDfa(literal(name))));
  }

  /** Any member that is no property of its own name. */
  #additional(shape: ObjectShape): Expression {
    const { properties, patterns, additional, names } = shape;
    if (patterns.length === 0 && additional === undefined) return NEVER;
    if (patterns.length === 0 && properties.length === 0 && names.length === 0)
      return sequence(ANY_STRING, COLON, this.#value(additional!));
    const named = toDfa(choice(...properties.map(({ name }) => literal(name))));
    const sources = patterns.map(({ value, pointer }) => at(pointer, () => toDfa(partialMatch(value))));
    const without = (keys: Dfa, others: readonly Dfa[]): Dfa =>
      others.reduce((left, other) => subtract(left, other), subtract(keys, named));
    const all = names.length === 0 ? toDfa(repeat(ANY, 0)) : this.#names(names);
    const items = patterns.map(({ schema }, index) =>
      member(
        without(
          intersect(all, sources[index]!),
          sources.filter((_, other) => other !== index),
        ),
        this.#value(schema),
      ),
    );
    if (additional !== undefined) items.push(member(without(all, sources), this.#value(additional)));
    return choice(...items.filter(item => item !== NEVER));
  }

  /** The texts that are valid keys. */
  #names(pointers: Pointers): Dfa {
    const items = this.#shapes.of([...new Set(pointers)].sort()).flatMap((shape): Expression[] => {
      if (shape.type === 'values')
        return shape.values.flatMap(value => (typeof value === 'string' ? [literal(value)] : []));
      if (shape.type !== 'string') return [];
      const { minLength: min, maxLength: max } = shape;
      const text = textOf(shape) ?? toDfa(repeat(ANY, min, max));
      return [{ kind: 'automaton', dfa: text, spell: one }];
    });
    return toDfa(choice(...items));
  }
}

function member(names: Dfa, value: Expression): Expression {
  return isEmpty(names) ? NEVER : sequence(quoted(names), COLON, value);
}

/** Symbols of the automaton over members: none, the first member of an object, a later one. */
const SKIP = 0;
function memberSymbol(index: number, before: number): number {
  return 1 + 2 * index + (before > 0 ? 1 : 0);
}
function single(symbol: number, to: number): Edge {
  return { low: symbol, high: symbol, to };
}

/** Whether there is more to a string than its length. */
function saysMore({ patterns, formats }: StringShape): boolean {
  return patterns.length > 0 || formats.some(({ value }) => FORMATS.get(value) !== undefined);
}

/** The texts of a string with more than a length to it; undefined where nothing but the length counts. */
function textOf({ minLength, maxLength, patterns, formats }: StringShape): Dfa | undefined {
  const parts = [
    ...patterns.map(({ value, pointer }) => at(pointer, () => toDfa(partialMatch(value)))),
    ...formats.flatMap(({ value, pointer }) => {
      const source = FORMATS.get(value);
      return source === undefined ? [] : [at(pointer, () => toDfa(wholeMatch(source)))];
    }),
  ];
  const [first, ...others] = parts;
  if (first === undefined) return undefined;
  if (minLength > maxLength) return toDfa(NEVER);
  const limited = minLength > 0 || maxLength !== Infinity ? [toDfa(repeat(ANY, minLength, maxLength))] : [];
  return [...others, ...limited].reduce(intersect, first);
}

/** Texts as JSON strings. */
function quoted(texts: Dfa): Expression {
  return compact(sequence(byte('"'), { kind: 'automaton', dfa: texts, spell: jsonCharacters }, byte('"')));
}

function number({ integer, min, max, multipleOf }: NumberShape): Expression {
  const whole = integer || multipleOf.length > 0;
  const expression = numberExpression({ integer: whole, min, max });
  if (multipleOf.length === 0) return expression;
  const dfa = multipleOf.reduce(
    (left, { value, pointer }) =>
      intersect(
        left,
        at(pointer, () => multiples(value)),
      ),
    toDfa(expression),
  );
  return { kind: 'automaton', dfa, spell: one };
}

/** A value as JSON writes it, with white space where it may be. */
function constant(value: unknown): Expression {
  if (Array.isArray(value)) return list('[', ']', value.map(constant));
  if (typeof value === 'object' && value !== null)
    return list(
      '{',
      '}',
      Object.entries(value).map(([key, entry]) => sequence(constant(key), COLON, constant(entry))),
    );
  if (typeof value !== 'string') return literal(JSON.stringify(value));
  const characters = Array.from(value, character => {
    const code = character.codePointAt(0)!;
    // Half a surrogate pair is no character, and has only its escape.
    if (code >= 0xd800 && code <= 0xdfff) return literal(`\\u${code.toString(16)}`);
    return jsonCharacters(rangesOf(code));
  });
  return sequence(byte('"'), ...characters, byte('"'));
}

function list(open: string, close: string, items: readonly Expression[]): Expression {
  if (items.length === 0) return literal(open + close);
  const separated = items.flatMap((item, index) => (index === 0 ? [item] : [byte(','), GAP, item]));
  return sequence(byte(open), GAP, ...separated, GAP, byte(close));
}
