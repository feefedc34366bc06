import type { Budget } from './budget.js';
import { accepts, intersect, isEmpty, subtract, toDfa, type Dfa } from './dfa.js';
import type { Pointers } from './conjunctions.js';
import type { Decimal } from './decimal.js';
import type { Bound } from './numbers.js';
import {
  ANY,
  choice,
  EMPTY,
  literal,
  NEVER,
  one,
  oneOf,
  repeat,
  sequence,
  type Expression,
} from './expression.js';
import {
  ANY_STRING,
  byte,
  COLON,
  constant,
  closedBy,
  GAP,
  mark,
  numberText,
  quoted,
  saysMore,
  textOf,
} from './json-text.js';
import { membersInSeveralOrders, MOST_MEMBERS, type MemberSet } from './member-sets.js';
import { memberOf, objectMembers } from './object-members.js';
import { at, LIMITS, Refusal } from './refusal.js';
import type { SchemaShapes } from './schema-shapes.js';
import type { ArrayShape, NumberShape, ObjectShape, Shape, StringShape } from './shapes.js';
import { anyJsonCharacter, call, COUNT, EXIT } from './symbols.js';

/** Limits on what a rule counts between its beginning and its end. */
export interface Counter {
  readonly kind: 'count';
  /** The count at the rule's beginning. */
  readonly initial: number;
  readonly min: number;
  readonly max: number;
}

/** A rule of a grammar, over the symbols of `symbols.ts`. */
export interface Rule {
  readonly expression: Expression;
  readonly counter: Counter | MemberSet | undefined;
  /** Whether it is the rule for any string, the same in all grammars. */
  readonly isAnyString?: boolean;
}

/**
 * Writes the rules for the values of schemas: scalars in place, lists and objects as rules of their own,
 * which may refer to themselves.
 */
export class JsonRules {
  /** The first one is the schema's own. */
  readonly rules: Rule[] = [];
  readonly #shapes: SchemaShapes;
  readonly #numbers = new Map<string, number>();
  readonly #pending: (() => void)[] = [];
  readonly #budget: Budget;
  readonly #values = new Map<string, Expression>();
  readonly #keys = new Map<string, Dfa>();

  /** @param pointers of the schemas that hold for the whole text. */
  constructor(shapes: SchemaShapes, pointers: Pointers, only?: Shape['type']) {
    this.#shapes = shapes;
    this.#budget = shapes.schemas.budget;
    this.#add('', () => ({ expression: this.#value(pointers, only), counter: undefined }));
    for (let write = this.#pending.shift(); write !== undefined; write = this.#pending.shift()) write();
  }

  #add(key: string, write: () => Rule): number {
    this.#budget.charge(1 + (key.length >> 2));
    const known = this.#numbers.get(key);
    if (known !== undefined) return known;
    const number = this.rules.push({ expression: NEVER, counter: undefined }) - 1;
    if (number > LIMITS.dfaStates / 8) throw new Refusal('', 'has too many parts');
    this.#numbers.set(key, number);
    this.#pending.push(() => (this.rules[number] = write()));
    return number;
  }

  /** Any value for which all of the schemas hold. */
  #value(pointers: Pointers, only?: Shape['type']): Expression {
    const [names, key] = this.#name(pointers);
    let value = only === undefined ? this.#values.get(key) : undefined;
    if (value === undefined) {
      value = at(names[0] ?? '', () => {
        const shapes = this.#shapes.of(names);
        const isUnion = shapes.filter(({ type }) => type === 'object').length > 1;
        return oneOf(
          shapes.map((shape, index) =>
            only === undefined || shape.type === only
              ? this.#shape(shape, `${key} ${index}`, isUnion)
              : NEVER,
          ),
        );
      });
      if (only === undefined) this.#values.set(key, value);
    }
    return value;
  }

  /** The pointers in one order, and a key for all of them together. */
  #name(pointers: Pointers): [names: Pointers, key: string] {
    const names = [...new Set(pointers)].sort();
    const key = JSON.stringify(names);
    this.#budget.charge(2 + (key.length >> 2));
    return [names, key];
  }

  /** @param isUnion whether the value may be one of several objects */
  #shape(shape: Shape, key: string, isUnion: boolean): Expression {
    switch (shape.type) {
      case 'values':
        return oneOf(shape.values.map(value => constant(value, this.#budget)));
      case 'null':
        return literal('null');
      case 'boolean':
        return choice(literal('true'), literal('false'));
      case 'number':
        // Those of the same range are one rule.
        return call(
          this.#add(rangeOf(shape), () => ({
            expression: numberText(shape, this.#budget),
            counter: undefined,
          })),
        );
      case 'string':
        return this.#string(shape, key);
      case 'array':
        return call(this.#add(key, () => this.#array(shape)));
      case 'object':
        return call(this.#add(key, () => this.#object(shape, key, isUnion)));
    }
  }

  #string(shape: StringShape, key: string): Expression {
    const { minLength: min, maxLength: max } = shape;
    if (saysMore(shape))
      return call(
        this.#add(key, () => ({ expression: quoted(this.#text(shape)!, this.#budget), counter: undefined })),
      );
    if (min === 0 && max === Infinity)
      return call(
        this.#add('string', () => ({ expression: ANY_STRING, counter: undefined, isAnyString: true })),
      );
    if (min > max) return NEVER;
    return call(
      this.#add(`string ${min} ${max}`, () => ({
        expression: sequence(byte('"'), repeat(anyJsonCharacter(COUNT), 0), mark('"', EXIT)),
        counter: { kind: 'count', initial: 0, min, max },
      })),
    );
  }

  #text(shape: StringShape): Dfa | undefined {
    return textOf(shape, this.#shapes.schemas.patterns, this.#budget);
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
      const end = counts ? closedBy(']') : sequence(GAP, byte(']'));
      const initial = Math.max(1, last);
      if (counts) counter = { kind: 'count', initial, min: minItems, max: maxItems };
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

  /**
   * An object. Its optional properties stand anywhere among the required ones, or all of them in their order
   * where the object is one of a union, as the first of them may tell it apart, or its members are counted.
   */
  #object(shape: ObjectShape, key: string, isUnion: boolean): Rule {
    const { properties, minProperties, maxProperties, additional, patterns } = shape;
    const isOpen = additional !== undefined || patterns.length > 0;
    const required = properties.filter(property => property.required).length;
    const isCounted = minProperties > required || maxProperties < (isOpen ? Infinity : properties.length);
    const hasOrders = required < properties.length && (isOpen || properties.length > 1);
    if (hasOrders && !isCounted && !isUnion && properties.length <= MOST_MEMBERS)
      return this.#unordered(shape, key);
    return { expression: this.#ordered(shape), counter: undefined };
  }

  #unordered(shape: ObjectShape, key: string): Rule {
    const add = (name: string, write: () => Expression): number =>
      this.#add(name, () => ({ expression: write(), counter: undefined }));
    const members = shape.properties.flatMap(({ name, schema, required }) => {
      const [, value] = this.#name(schema);
      if (this.#isName(shape, name))
        return { rule: add(`${JSON.stringify(name)} ${value}`, () => this.#member(name, schema)), required };
      return required ? { rule: add('no member', () => NEVER), required } : [];
    });
    const further = this.#additional(shape);
    return membersInSeveralOrders(
      members,
      further === NEVER ? undefined : add(`further ${key}`, () => further),
    );
  }

  #member(name: string, schema: Pointers): Expression {
    return sequence(constant(name, this.#budget), COLON, this.#value(schema));
  }

  /** Properties in their order, optional ones present or not, then additional ones. */
  #ordered(shape: ObjectShape): Expression {
    const { properties, minProperties, maxProperties } = shape;
    const members = properties.map(({ name, schema }) =>
      this.#isName(shape, name) ? this.#member(name, schema) : NEVER,
    );
    const additional = this.#additional(shape);
    const most = members.length + (additional === NEVER ? 0 : 1);
    if (minProperties > most && maxProperties > most)
      throw new Refusal('', 'minProperties is supported up to the number of named properties and one more');

    const body: Expression = {
      kind: 'automaton',
      dfa: objectMembers(
        properties.map(({ required }) => required),
        minProperties,
        // A limit that cannot be reached needs no counting.
        additional === NEVER && maxProperties >= members.length ? Infinity : maxProperties,
        this.#budget,
      ),
      spell: symbols =>
        oneOf(
          symbols.map(([symbol]) => {
            const member = memberOf(symbol);
            if (member === undefined) return EMPTY;
            const text = members[member.index] ?? additional;
            return member.later ? sequence(byte(','), GAP, text) : text;
          }),
        ),
    };
    const mayBeEmpty = minProperties === 0 && !properties.some(({ required }) => required);
    const rest = sequence(GAP, body, GAP, byte('}'));
    return sequence(byte('{'), mayBeEmpty ? choice(byte('}'), rest) : rest);
  }

  #isName({ names }: ObjectShape, name: string): boolean {
    return names.length === 0 || accepts(this.#names(names), name, this.#budget);
  }

  /** Any member whose key is not a named property. */
  #additional(shape: ObjectShape): Expression {
    const { properties, patterns, additional, names } = shape;
    if (patterns.length === 0 && additional === undefined) return NEVER;
    if (patterns.length === 0 && properties.length === 0 && names.length === 0)
      return sequence(ANY_STRING, COLON, this.#value(additional!));
    const budget = this.#budget;
    const named = toDfa(oneOf(properties.map(({ name }) => literal(name))), budget);
    const sources = patterns.map(pattern => this.#shapes.schemas.patterns.ofPattern(pattern));
    const without = (keys: Dfa, others: readonly Dfa[]): Dfa =>
      others.reduce((left, other) => subtract(left, other, budget), subtract(keys, named, budget));
    const all = names.length === 0 ? toDfa(repeat(ANY, 0), budget) : this.#names(names);
    const member = (keys: Dfa, value: Expression): Expression =>
      isEmpty(keys) ? NEVER : sequence(quoted(keys, budget), COLON, value);
    const items = patterns.map(({ schema }, index) =>
      member(
        without(
          intersect(all, sources[index]!, budget),
          sources.filter((_, other) => other !== index),
        ),
        this.#value(schema),
      ),
    );
    if (additional !== undefined) items.push(member(without(all, sources), this.#value(additional)));
    return oneOf(items.filter(item => item !== NEVER));
  }

  /** The keys that `propertyNames` admits. */
  #names(pointers: Pointers): Dfa {
    const [names, key] = this.#name(pointers);
    let keys = this.#keys.get(key);
    if (keys === undefined) {
      const items = this.#shapes.of(names).flatMap((shape): Expression[] => {
        if (shape.type === 'values')
          return shape.values.flatMap(value => (typeof value === 'string' ? [literal(value)] : []));
        if (shape.type !== 'string') return [];
        const { minLength: min, maxLength: max } = shape;
        const text = this.#text(shape) ?? toDfa(repeat(ANY, min, max), this.#budget);
        return [{ kind: 'automaton', dfa: text, spell: one }];
      });
      this.#keys.set(key, (keys = toDfa(oneOf(items), this.#budget)));
    }
    return keys;
  }
}

/** A key for all numbers of the same range. */
function rangeOf({ integer, min, max, multipleOf }: NumberShape): string {
  const text = ({ units, places }: Decimal): string => `${units}e-${places}`;
  const bound = (limit: Bound | undefined): string =>
    limit === undefined ? '' : `${text(limit.value)}${limit.exclusive ? '!' : ''}`;
  return `${integer ? 'integer' : 'number'} ${bound(min)} ${bound(max)} ${multipleOf
    .map(({ value }) => text(value))
    .join()}`;
}
