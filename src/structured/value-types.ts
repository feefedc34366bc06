import type { Conjunction } from './conjunctions.js';
import { isNumber } from './decimal.js';
import { isObject } from './schema-document.js';

/** Types of JSON Schema. `integer` is part of `number`. */
export type SimpleType = 'null' | 'boolean' | 'integer' | 'number' | 'string' | 'array' | 'object';

/** Keywords that limit values of one type. */
const KEYWORDS: Readonly<Record<string, SimpleType>> = {
  properties: 'object',
  required: 'object',
  additionalProperties: 'object',
  patternProperties: 'object',
  propertyNames: 'object',
  minProperties: 'object',
  maxProperties: 'object',
  items: 'array',
  prefixItems: 'array',
  minItems: 'array',
  maxItems: 'array',
  minLength: 'string',
  maxLength: 'string',
  pattern: 'string',
  format: 'string',
  minimum: 'number',
  maximum: 'number',
  exclusiveMinimum: 'number',
  exclusiveMaximum: 'number',
  multipleOf: 'number',
};
const ALL_TYPES: readonly SimpleType[] = ['object', 'array', 'string', 'number', 'boolean', 'null'];

/** The types that the `type` keywords of all subschemas admit. */
export function allTypes(conjunction: Conjunction): SimpleType[] {
  return conjunction
    .reduce<SimpleType[]>(
      (left, { schema }) => {
        if (schema.type === undefined) return left;
        const right = [schema.type].flat() as SimpleType[];
        return ALL_TYPES.concat('integer').flatMap(type => {
          const has = (types: readonly SimpleType[]): boolean =>
            types.includes(type) || (type === 'integer' && types.includes('number'));
          return has(left) && has(right) ? [type] : [];
        });
      },
      [...ALL_TYPES],
    )
    .filter((type, _, types) => type !== 'integer' || !types.includes('number'));
}

/**
 * The types of values to generate: a schema without `type` is taken to mean the types that its keywords
 * limit, so that `properties` alone means an object.
 */
export function wantedTypes(conjunction: Conjunction): SimpleType[] {
  const valid = allTypes(conjunction);
  if (conjunction.some(({ schema }) => schema.type !== undefined)) return valid;
  const meant = new Set(
    conjunction.flatMap(({ schema }) =>
      Object.keys(schema).flatMap(key => (Object.hasOwn(KEYWORDS, key) ? [KEYWORDS[key]!] : [])),
    ),
  );
  return meant.size === 0 ? valid : valid.filter(type => meant.has(type));
}

/** True if a value is of a type; a number without a fraction is an integer. */
export function isOfType(value: unknown, type: SimpleType): boolean {
  switch (type) {
    case 'null':
      return value === null;
    case 'integer':
      return typeof value === 'bigint' || Number.isInteger(value);
    case 'array':
      return Array.isArray(value);
    case 'object':
      return isObject(value);
    case 'number':
      return isNumber(value);
    case 'boolean':
    case 'string':
      return typeof value === type;
  }
}
