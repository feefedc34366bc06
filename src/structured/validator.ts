import type { Conjunction, Expander, Flat, Pointers } from './conjunctions.js';
import { compareDecimals, decimalOf, isMultiple, isNumber, type Decimal } from './decimal.js';
import { accepts } from './dfa.js';
import { itemSchemas, propertySchemas } from './members.js';
import type { Bound } from './numbers.js';
import { counts, numberShape, stringShape } from './scalar-shapes.js';
import { child, isObject } from './schema-document.js';
import type { NumberShape, StringShape } from './shapes.js';
import { isOfType, type SimpleType } from './value-types.js';

/**
 * The values of `enum` and `const` for which everything else in the conjunction holds too.
 *
 * @returns undefined where there is neither keyword.
 */
export function validConstants(conjunction: Conjunction, schemas: Expander): readonly unknown[] | undefined {
  const { constants } = schemas;
  if (!constants.has(conjunction)) {
    const flat = conjunction.find(({ schema }) => schema.enum !== undefined || 'const' in schema);
    const values = flat && ((flat.schema.enum as readonly unknown[] | undefined) ?? [flat.schema.const]);
    constants.set(
      conjunction,
      values?.filter(value => isValid(value, conjunction, schemas)),
    );
  }
  return constants.get(conjunction);
}

/** True if a value is valid for all subschemas of a conjunction. */
export function isValid(value: unknown, conjunction: Conjunction, schemas: Expander): boolean {
  return conjunction.every(flat => isValidFor(value, flat, schemas));
}

/**
 * True if a value is valid for one subschema, without its combining keywords: they are other parts of the
 * same conjunction.
 */
function isValidFor(value: unknown, flat: Flat, schemas: Expander): boolean {
  const { schema, pointer } = flat;
  const { budget } = schemas;
  budget.charge(4);
  const all = (member: unknown, pointers: Pointers): boolean =>
    schemas.expand(pointers).some(conjunction => isValid(member, conjunction, schemas));
  const types = schema.type === undefined ? undefined : ([schema.type].flat() as SimpleType[]);
  if (types !== undefined && !types.some(type => isOfType(value, type))) return false;
  if (schema.enum !== undefined && !isAmong(value, schema.enum as readonly unknown[], schemas)) return false;
  if ('const' in schema && !isAmong(value, [schema.const], schemas)) return false;
  if (isNumber(value)) return inRange(decimalOf(value), numberShape([flat], false));
  if (typeof value === 'string') return isValidString(value, stringShape([flat]), schemas);
  const { minItems, maxItems, minProperties, maxProperties } = counts(schema);
  if (Array.isArray(value))
    return (
      value.length >= minItems &&
      value.length <= maxItems &&
      value.every((item, index) => all(item, itemSchemas([flat], index)))
    );
  if (isObject(value)) {
    const names = Object.keys(value);
    const required = (schema.required as string[] | undefined) ?? [];
    budget.charge(2 * names.length + required.length);
    return (
      names.length >= minProperties &&
      names.length <= maxProperties &&
      required.every(name => Object.hasOwn(value, name)) &&
      names.every(name => all(value[name], propertySchemas([flat], name, schemas))) &&
      (schema.propertyNames === undefined ||
        names.every(name => all(name, [child(pointer, 'propertyNames')])))
    );
  }
  return true;
}

function inRange(value: Decimal, { min, max, multipleOf }: NumberShape): boolean {
  const beyond = (bound: Bound | undefined, sign: 1 | -1): boolean => {
    const order = bound === undefined ? 1 : sign * compareDecimals(value, bound.value);
    return order > 0 || (order === 0 && !bound!.exclusive);
  };
  return (
    beyond(min, 1) && beyond(max, -1) && multipleOf.every(({ value: divisor }) => isMultiple(value, divisor))
  );
}

function isValidString(
  value: string,
  { minLength, maxLength, patterns, formats }: StringShape,
  { budget, patterns: automata }: Expander,
): boolean {
  budget.charge(value.length);
  const length = [...value].length;
  return (
    length >= minLength &&
    length <= maxLength &&
    patterns.every(pattern => accepts(automata.ofPattern(pattern), value, budget)) &&
    formats.every(format => {
      const texts = automata.ofFormat(format);
      return texts === undefined || accepts(texts, value, budget);
    })
  );
}

/** True if a value equals one of the constants. */
function isAmong(value: unknown, constants: readonly unknown[], schemas: Expander): boolean {
  const keyOf = (constant: unknown): string => {
    const key = canonical(constant);
    schemas.budget.charge(2 + (key.length >> 3));
    return key;
  };
  if (constants.length === 1) return keyOf(value) === keyOf(constants[0]);
  let keys = schemas.constantKeys.get(constants);
  if (keys === undefined) schemas.constantKeys.set(constants, (keys = new Set(constants.map(keyOf))));
  return keys.has(keyOf(value));
}

/** A value as JSON, alike for equal values: an object's members are sorted. */
function canonical(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(canonical).join()}]`;
  if (isNumber(value)) {
    const { units, places } = decimalOf(value);
    return `${units}e${places}`;
  }
  if (!isObject(value)) return JSON.stringify(value);
  const names = Object.keys(value).sort();
  return `{${names.map(name => `${JSON.stringify(name)}:${canonical(value[name])}`).join()}}`;
}
