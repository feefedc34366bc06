import type { Budget } from './budget.js';
import { isNumber } from './decimal.js';
import { LIMITS, quote, Refusal } from './refusal.js';

/** A schema that is an object; `true` and `false` are schemas too. */
export type SchemaObject = Readonly<Record<string, unknown>>;
type Schema = boolean | SchemaObject;

/** Keywords that limit the valid values and that no automaton here can follow. */
const UNSUPPORTED = new Set([
  'not',
  'if',
  'then',
  'else',
  'contains',
  'minContains',
  'maxContains',
  'dependentRequired',
  'dependentSchemas',
  'dependencies',
  'unevaluatedItems',
  'unevaluatedProperties',
  '$dynamicRef',
  '$recursiveRef',
]);

/** Well-formed values of the keywords that are followed. */
const SHAPES: Readonly<Record<string, (value: unknown) => boolean>> = {
  type: value => [value].flat().every(type => typeof type === 'string' && TYPES.includes(type)),
  enum: Array.isArray,
  properties: isObject,
  patternProperties: isObject,
  required: value => Array.isArray(value) && value.every(name => typeof name === 'string'),
  prefixItems: isList,
  anyOf: isList,
  oneOf: isList,
  allOf: isList,
  pattern: value => typeof value === 'string',
  format: value => typeof value === 'string',
  $ref: value => typeof value === 'string',
  minimum: isNumber,
  maximum: isNumber,
  exclusiveMinimum: isNumber,
  exclusiveMaximum: isNumber,
  multipleOf: value => isNumber(value) && value > 0,
  minLength: isCount,
  maxLength: isCount,
  minItems: isCount,
  maxItems: isCount,
  minProperties: isCount,
  maxProperties: isCount,
};

const TYPES = ['null', 'boolean', 'integer', 'number', 'string', 'array', 'object'];

/**
 * A JSON Schema; JSON pointers name its parts. Every part is checked when it is looked up: keywords that
 * cannot be followed are refused.
 */
export class SchemaDocument {
  readonly budget: Budget;
  readonly #root: unknown;

  constructor(root: unknown, budget: Budget) {
    this.#root = root;
    this.budget = budget;
  }

  /** @throws Refusal where there is no schema, or one with keywords that are malformed or not supported. */
  schema(pointer: string): Schema {
    const value = this.#find(pointer);
    if (value === undefined) throw new Refusal(pointer, 'does not exist');
    if (typeof value === 'boolean') return value;
    if (!isObject(value)) throw new Refusal(pointer, 'is not a schema: an object, true or false');
    const entries = Object.entries(value);
    for (const [keyword, argument] of entries) {
      this.budget.charge(4 + (Array.isArray(argument) ? argument.length : 0));
      const place = child(pointer, keyword);
      if (UNSUPPORTED.has(keyword)) throw new Refusal(place, 'is not supported');
      if (keyword === 'uniqueItems' && argument === true && !(Number(value.maxItems) <= 1))
        throw new Refusal(place, 'is not supported: items cannot be compared with one another');
      if (Object.hasOwn(SHAPES, keyword) && !SHAPES[keyword]!(argument))
        throw new Refusal(
          place,
          `is malformed: ${typeof argument === 'bigint' ? argument : JSON.stringify(argument)?.slice(0, 80)}`,
        );
      if (/^(?:prefixI|i)tems$/.test(keyword) && Array.isArray(argument) && argument.length > LIMITS.prefix)
        throw new Refusal(place, `has ${argument.length} items, more than ${LIMITS.prefix}`);
    }
    return value;
  }

  /** The pointer that a `$ref` means. @param pointer of the schema that has it */
  resolve(reference: string, pointer: string): string {
    const place = child(pointer, '$ref');
    let target: string;
    try {
      target = decodeURIComponent(reference.slice(1));
    } catch {
      target = reference;
    }
    if (!reference.startsWith('#') || (target !== '' && !target.startsWith('/')))
      throw new Refusal(
        place,
        `${quote(reference)} is not supported, only references such as "#/$defs/name"`,
      );
    if (this.#find(target) === undefined) throw new Refusal(place, `${quote(reference)} leads nowhere`);
    return target;
  }

  /** @returns undefined where there is nothing. */
  #find(pointer: string): unknown {
    this.budget.charge(1 + (pointer.length >> 2));
    let value = this.#root;
    for (const part of pointer.split('/').slice(1)) {
      const key = part.replaceAll('~1', '/').replaceAll('~0', '~');
      if (typeof value !== 'object' || value === null || !Object.hasOwn(value, key)) return undefined;
      value = (value as Record<string, unknown>)[key];
    }
    return value;
  }
}

/** The pointer to a member. */
export function child(pointer: string, ...keys: readonly (string | number)[]): string {
  return keys.reduce<string>(
    (path, key) => `${path}/${String(key).replaceAll('~', '~0').replaceAll('/', '~1')}`,
    pointer,
  );
}

export function isObject(value: unknown): value is SchemaObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function isList(value: unknown): boolean {
  return Array.isArray(value) && value.length > 0;
}

function isCount(value: unknown): boolean {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}
