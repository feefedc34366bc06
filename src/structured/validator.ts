import type { Conjunction, Expand, Flat, Pointers } from './conjunctions.js';
import { accepts, toDfa } from './dfa.js';
import { FORMATS } from './formats.js';
import { itemSchemas, propertySchemas } from './members.js';
import { at } from './refusal.js';
import { partialMatch } from './regex.js';
import { counts, numberShape, stringShape } from './scalar-shapes.js';
import { child, isObject } from './schema-document.js';
import type { NumberShape, StringShape } from './shapes.js';
import { isOfType, type SimpleType } from './value-types.js';

/**
 * The values of `enum` and `const` for which everything else in the conjunction holds too.
 *
 * @returns undefined where there is neither keyword.
 */
export function validConstants(conjunction: Conjunction, expand: Expand): unknown[] | undefined {
  const lists = conjunction.flatMap(({ schema }) => [
    ...(schema.enum === undefined ? [] : [schema.enum as readonly unknown[]]),
    ...('const' in schema ? [[schema.const]] : []),
  ]);
  return lists[0]?.filter(value => isValid(value, conjunction, expand));
}

/** True if a value is valid for all subschemas of a conjunction. */
export function isValid(value: unknown, conjunction: Conjunction, expand: Expand): boolean {
  return conjunction.every(flat => isValidFor(value, flat, expand));
}

/**
 * True if a value is valid for one subschema, without its combining keywords: they are other parts of the
 * same conjunction.
 */
function isValidFor(value: unknown, flat: Flat, expand: Expand): boolean {
  const { schema, pointer } = flat;
  const all = (member: unknown, pointers: Pointers): boolean =>
    expand(pointers).some(conjunction => isValid(member, conjunction, expand));
  const types = schema.type === undefined ? undefined : ([schema.type].flat() as SimpleType[]);
  if (types !== undefined && !types.some(type => isOfType(value, type))) return false;
  if (schema.enum !== undefined && !(schema.enum as unknown[]).some(other => equal(other, value)))
    return false;
  if ('const' in schema && !equal(schema.const, value)) return false;
  if (typeof value === 'number') return inRange(value, numberShape([flat], false));
  if (typeof value === 'string') return isValidString(value, stringShape([flat]));
  const { minItems, maxItems, minProperties, maxProperties } = counts(schema);
  if (Array.isArray(value))
    return (
      value.length >= minItems &&
      value.length <= maxItems &&
      value.every((item, index) => all(item, itemSchemas([flat], index)))
    );
  if (isObject(value)) {
    const names = Object.keys(value);
    return (
      names.length >= minProperties &&
      names.length <= maxProperties &&
      ((schema.required as string[] | undefined) ?? []).every(name => Object.hasOwn(value, name)) &&
      names.every(name => all(value[name], propertySchemas([flat], name))) &&
      (schema.propertyNames === undefined ||
        names.every(name => all(name, [child(pointer, 'propertyNames')])))
    );
  }
  return true;
}

function inRange(value: number, { min, max, multipleOf }: NumberShape): boolean {
  return (
    (min === undefined || value > min.value || (value === min.value && !min.exclusive)) &&
    (max === undefined || value < max.value || (value === max.value && !max.exclusive)) &&
    multipleOf.every(({ value: divisor }) => Number.isInteger(value / divisor))
  );
}

function isValidString(value: string, { minLength, maxLength, patterns, formats }: StringShape): boolean {
  const length = [...value].length;
  return (
    length >= minLength &&
    length <= maxLength &&
    patterns.every(({ value: pattern, pointer }) =>
      at(pointer, () => accepts(toDfa(partialMatch(pattern)), value)),
    ) &&
    formats.every(({ value: format }) => {
      const source = FORMATS.get(format);
      return source === undefined || new RegExp(`^(?:${source})$`, 'u').test(value);
    })
  );
}

function equal(a: unknown, b: unknown): boolean {
  if (Array.isArray(a) && Array.isArray(b))
    return a.length === b.length && a.every((item, i) => equal(item, b[i]));
  if (isObject(a) && isObject(b)) {
    const names = Object.keys(a);
    return (
      names.length === Object.keys(b).length &&
      names.every(name => Object.hasOwn(b, name) && equal(a[name], b[name]))
    );
  }
  return a === b;
}
