import { withDigitsOf } from '#exact-numbers.js';

/** Keywords whose value is a schema, or a list of schemas. */
const SCHEMAS = [
  ...['items', 'additionalItems', 'prefixItems', 'contains', 'unevaluatedItems', 'contentSchema'],
  ...['additionalProperties', 'propertyNames', 'unevaluatedProperties'],
  ...['allOf', 'anyOf', 'oneOf', 'not', 'if', 'then', 'else'],
];

/** Keywords whose value is an object of schemas by name: any word may be a name, those of keywords too. */
const MAPS = ['properties', 'patternProperties', '$defs', 'definitions', 'dependentSchemas', 'dependencies'];

type Members = Readonly<Record<string, unknown>>;

/**
 * A copy of a JSON Schema that becomes a part of a larger one: its references, which count from its own root,
 * lead to the same places within the larger one. Only a `$ref` of a schema is a reference, not a property of
 * that name or a text in a constant: schemas are what keywords and references lead to.
 *
 * @param pointer JSON pointer (RFC 6901) to where it is put.
 */
export function movedSchema(root: Members, pointer: string): Members {
  const schemas = reached(root);
  const copy = (value: unknown): unknown => {
    if (Array.isArray(value)) return withDigitsOf(value, value.map(copy));
    if (!isPlain(value)) return value;
    const isSchema = schemas.has(value);
    const members = Object.entries(value).map(([key, member]): [string, unknown] =>
      isSchema && key === '$ref' && isInternal(member)
        ? [key, `#${pointer}${member.slice(1)}`]
        : [key, copy(member)],
    );
    return withDigitsOf(value, Object.fromEntries(members) as object);
  };
  return copy(root) as Members;
}

/** The schemas that a schema consists of: by keywords, and by references to wherever they lead. */
function reached(root: Members): ReadonlySet<unknown> {
  const schemas = new Set<unknown>();
  const pending: unknown[] = [root];
  while (pending.length > 0) {
    const schema = pending.pop();
    if (Array.isArray(schema)) {
      for (const item of schema) pending.push(item);
      continue;
    }
    if (!isPlain(schema) || schemas.has(schema)) continue;
    schemas.add(schema);
    for (const keyword of SCHEMAS) if (Object.hasOwn(schema, keyword)) pending.push(schema[keyword]);
    for (const keyword of MAPS)
      if (Object.hasOwn(schema, keyword) && isPlain(schema[keyword]))
        for (const member of Object.values(schema[keyword])) pending.push(member);
    if (Object.hasOwn(schema, '$ref') && isInternal(schema.$ref)) pending.push(found(root, schema.$ref));
  }
  return schemas;
}

/** The part of a schema that a reference such as `#/$defs/name` means. */
function found(root: Members, reference: string): unknown {
  let pointer = reference.slice(1);
  try {
    pointer = decodeURIComponent(pointer);
  } catch {
    // It is taken as it is written.
  }
  let value: unknown = root;
  for (const part of pointer.split('/').slice(1)) {
    const key = part.replaceAll('~1', '/').replaceAll('~0', '~');
    if (typeof value !== 'object' || value === null || !Object.hasOwn(value, key)) return undefined;
    value = (value as Members)[key];
  }
  return value;
}

function isInternal(value: unknown): value is string {
  return typeof value === 'string' && value.startsWith('#');
}

function isPlain(value: unknown): value is Members {
  if (typeof value !== 'object' || value === null) return false;
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === Object.prototype || prototype === null;
}
