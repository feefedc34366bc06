import { areExclusive } from './disjoint.js';
import { LIMITS, Refusal } from './refusal.js';
import { child, type SchemaDocument, type SchemaObject } from './schema-document.js';

/** JSON pointers to subschemas that must all hold for one value. */
export type Pointers = readonly string[];

/** A keyword's value with its JSON pointer, so that a refusal can name the place. */
export interface Placed<T> {
  readonly value: T;
  readonly pointer: string;
}

/** A subschema read without the keywords that combine others (`$ref`, `allOf`, `anyOf`, `oneOf`). */
export interface Flat {
  readonly schema: SchemaObject;
  readonly pointer: string;
}

/** Flat subschemas that must all hold for one value. Empty: every value is valid. */
export type Conjunction = readonly Flat[];

/** Reads subschemas in disjunctive normal form. */
export type Expand = (pointers: Pointers) => readonly Conjunction[];

/**
 * The disjunctive normal form of all subschemas at the pointers taken together: a value is valid for them if
 * it is valid for one of the conjunctions.
 *
 * @returns an empty list where no value is valid.
 * @throws Refusal where a reference returns to itself, a `oneOf` cannot be read as `anyOf`, or there are too
 * many alternatives.
 */
export function expander(document: SchemaDocument): Expand {
  const expandAll = (pointers: Pointers, active: ReadonlySet<string> = new Set()): Conjunction[] =>
    pointers.reduce<Conjunction[]>((left, pointer) => both(left, expand(pointer, active)), [[]]);

  /** @param active references that are being followed: one that returns to itself says nothing. */
  const expand = (pointer: string, active: ReadonlySet<string>): Conjunction[] => {
    const schema = document.schema(pointer);
    if (schema === true) return [[]];
    if (schema === false) return [];
    const branches = (keyword: 'allOf' | 'anyOf' | 'oneOf'): Conjunction[][] =>
      ((schema[keyword] as readonly unknown[] | undefined) ?? []).map((_, index) =>
        expand(child(pointer, keyword, index), active),
      );
    let result: Conjunction[] = [[{ schema, pointer }]];
    if (schema.$ref !== undefined) {
      const target = document.resolve(schema.$ref as string, pointer);
      if (active.has(target))
        throw new Refusal(child(pointer, '$ref'), 'refers to itself without a value between');
      result = both(result, expand(target, new Set([...active, target])));
    }
    result = branches('allOf').reduce(both, result);
    if (schema.anyOf !== undefined) result = both(result, branches('anyOf').flat());
    if (schema.oneOf !== undefined) {
      const alternatives = branches('oneOf');
      // Where the alternatives exclude one another, exactly one holds wherever any does.
      if (!areExclusive(alternatives, expandAll))
        throw new Refusal(
          child(pointer, 'oneOf'),
          'is not supported where one value may be valid for two of its schemas; anyOf is, and so are different types or a property with different constants',
        );
      result = both(result, alternatives.flat());
    }
    return result;
  };
  return expandAll;
}

/** Each of the left with each of the right: "and" distributed over "or". */
function both(left: readonly Conjunction[], right: readonly Conjunction[]): Conjunction[] {
  if (left.length * right.length > LIMITS.alternatives)
    throw new Refusal('', `comes down to more than ${LIMITS.alternatives} alternatives`);
  return left.flatMap(a =>
    right.map(b => [...a, ...b.filter(flat => !a.some(({ pointer }) => pointer === flat.pointer))]),
  );
}
