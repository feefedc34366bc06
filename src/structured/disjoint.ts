import type { Conjunction, Expander } from './conjunctions.js';
import { propertySchemas } from './members.js';
import { isValid, validConstants } from './validator.js';
import { allTypes, type SimpleType } from './value-types.js';

/** Objects in objects whose properties are compared: a discriminator deeper than this is not seen. */
const DEEPEST = 3;

/** True if no value can be valid for two of the branches; false where that is not known. */
export function areExclusive(branches: readonly (readonly Conjunction[])[], schemas: Expander): boolean {
  return branches.every((branch, i) =>
    branches.slice(i + 1).every(other => branch.every(a => other.every(b => disjoint(a, b, schemas, 0)))),
  );
}

/**
 * True if no value can be valid for both: they differ in constants, types, or a required property that is
 * disjoint itself.
 */
function disjoint(a: Conjunction, b: Conjunction, schemas: Expander, depth: number): boolean {
  schemas.budget.charge(8 + 8 * (a.length + b.length));
  const [valuesA, valuesB] = [validConstants(a, schemas), validConstants(b, schemas)];
  if (valuesA !== undefined) return !valuesA.some(value => isValid(value, b, schemas));
  if (valuesB !== undefined) return !valuesB.some(value => isValid(value, a, schemas));
  const [typesA, typesB] = [allTypes(a), allTypes(b)];
  const isNumber = (type: SimpleType): boolean => type === 'integer' || type === 'number';
  if (typesA.some(isNumber) && typesB.some(isNumber)) return false;
  const common = typesA.filter(type => typesB.includes(type));
  if (common.some(type => type !== 'object')) return false;
  if (common.length === 0) return true;
  if (depth > DEEPEST) return false;
  const lists = [...a, ...b].map(({ schema }) => (schema.required as readonly string[] | undefined) ?? []);
  schemas.budget.charge(lists.reduce((sum, { length }) => sum + length, 0));
  return [...new Set(lists.flat())].some(name => {
    const inB = schemas.expand(propertySchemas(b, name, schemas));
    return schemas
      .expand(propertySchemas(a, name, schemas))
      .every(x => inB.every(y => disjoint(x, y, schemas, depth + 1)));
  });
}
