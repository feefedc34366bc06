import type { Conjunction, Expand } from './conjunctions.js';
import { propertySchemas } from './members.js';
import { isValid, validConstants } from './validator.js';
import { allTypes, type SimpleType } from './value-types.js';

/** Objects in objects whose properties are compared: a discriminator deeper than this is not seen. */
const DEEPEST = 3;

/** True if no value can be valid for two of the branches; false where that is not known. */
export function areExclusive(branches: readonly (readonly Conjunction[])[], expand: Expand): boolean {
  return branches.every((branch, i) =>
    branches.slice(i + 1).every(other => branch.every(a => other.every(b => disjoint(a, b, expand, 0)))),
  );
}

/**
 * True if no value can be valid for both: they differ in constants, types, or a required property that is
 * disjoint itself.
 */
function disjoint(a: Conjunction, b: Conjunction, expand: Expand, depth: number): boolean {
  const [valuesA, valuesB] = [validConstants(a, expand), validConstants(b, expand)];
  if (valuesA !== undefined) return !valuesA.some(value => isValid(value, b, expand));
  if (valuesB !== undefined) return !valuesB.some(value => isValid(value, a, expand));
  const [typesA, typesB] = [allTypes(a), allTypes(b)];
  const isNumber = (type: SimpleType): boolean => type === 'integer' || type === 'number';
  if (typesA.some(isNumber) && typesB.some(isNumber)) return false;
  const common = typesA.filter(type => typesB.includes(type));
  if (common.some(type => type !== 'object')) return false;
  if (common.length === 0) return true;
  if (depth > DEEPEST) return false;
  const required = new Set(
    [...a, ...b].flatMap(({ schema }) => (schema.required as readonly string[] | undefined) ?? []),
  );
  return [...required].some(name => {
    const inB = expand(propertySchemas(b, name));
    return expand(propertySchemas(a, name)).every(x => inB.every(y => disjoint(x, y, expand, depth + 1)));
  });
}
