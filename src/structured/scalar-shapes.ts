import type { Conjunction, Placed } from './conjunctions.js';
import { compareDecimals, decimalOf, type JsonNumber } from './decimal.js';
import type { Bound } from './numbers.js';
import { child, type SchemaObject } from './schema-document.js';
import type { NumberShape, StringShape } from './shapes.js';

/** The numbers that are valid for all subschemas: the tightest bounds, and every divisor. */
export function numberShape(conjunction: Conjunction, integer: boolean): NumberShape {
  const bounds = (key: string, exclusive: boolean): Bound[] =>
    conjunction.flatMap(({ schema }) =>
      schema[key] === undefined ? [] : [{ value: decimalOf(schema[key] as JsonNumber), exclusive }],
    );
  const tightest = (all: readonly Bound[], sign: 1 | -1): Bound | undefined =>
    [...all].sort(
      (a, b) => sign * compareDecimals(b.value, a.value) || Number(b.exclusive) - Number(a.exclusive),
    )[0];
  return {
    type: 'number',
    integer,
    min: tightest([...bounds('minimum', false), ...bounds('exclusiveMinimum', true)], 1),
    max: tightest([...bounds('maximum', false), ...bounds('exclusiveMaximum', true)], -1),
    multipleOf: conjunction.flatMap(({ schema, pointer }) =>
      schema.multipleOf === undefined
        ? []
        : [{ value: decimalOf(schema.multipleOf as JsonNumber), pointer: child(pointer, 'multipleOf') }],
    ),
  };
}

/** The strings that are valid for all subschemas. */
export function stringShape(conjunction: Conjunction): StringShape {
  const limits = conjunction.map(({ schema }) => counts(schema));
  const placed = (key: string): Placed<string>[] =>
    conjunction.flatMap(({ schema, pointer }) =>
      schema[key] === undefined ? [] : [{ value: schema[key] as string, pointer: child(pointer, key) }],
    );
  return {
    type: 'string',
    minLength: Math.max(0, ...limits.map(({ minLength }) => minLength)),
    maxLength: Math.min(...limits.map(({ maxLength }) => maxLength)),
    patterns: placed('pattern'),
    formats: placed('format'),
  };
}

/** Limits of lengths and counts. Lower ones that are not given are 0, upper ones Infinity. */
export function counts(
  schema: SchemaObject,
): Readonly<
  Record<'minLength' | 'maxLength' | 'minItems' | 'maxItems' | 'minProperties' | 'maxProperties', number>
> {
  const low = (key: string): number => (schema[key] as number | undefined) ?? 0;
  const high = (key: string): number => (schema[key] as number | undefined) ?? Infinity;
  return {
    minLength: low('minLength'),
    maxLength: high('maxLength'),
    minItems: low('minItems'),
    maxItems: high('maxItems'),
    minProperties: low('minProperties'),
    maxProperties: high('maxProperties'),
  };
}
