import type { JsonSchema } from './bodies.js';

export type Schemas = Readonly<Record<string, JsonSchema>>;

/** A place in a body, with one of the kinds of values that may be there. */
export interface Position {
  /** Keys of objects; `[]` stands for the first item of a list. */
  readonly path: readonly string[];
  /** Without references and alternatives. */
  readonly schema: JsonSchema;
  /** For each key of the path, the object or list that has it. */
  readonly owners: readonly JsonSchema[];
}

/** How deep positions are looked for: schemas of clients are nested without end. */
const DEEPEST = 7;

/** All places that a schema speaks of. */
export function positions(schema: JsonSchema, schemas: Schemas): Position[] {
  return kinds(schema, schemas).flatMap(kind => below(kind, schemas, [], []));
}

function below(
  kind: JsonSchema,
  schemas: Schemas,
  path: readonly string[],
  owners: readonly JsonSchema[],
): Position[] {
  if (path.length === DEEPEST) return [];
  const children = Object.entries({
    ...(kind.type === 'object' && kind.properties),
    ...(kind.type === 'array' && kind.items !== undefined && { '[]': kind.items }),
  });
  return children.flatMap(([key, child]) =>
    kinds(child, schemas).flatMap(schema => {
      const position = { path: [...path, key], schema, owners: [...owners, kind] };
      return [position, ...below(schema, schemas, position.path, position.owners)];
    }),
  );
}

/** The alternatives of a schema, of one type each, or of none. */
export function kinds(schema: JsonSchema, schemas: Schemas): readonly JsonSchema[] {
  const { $ref, anyOf, oneOf, allOf, type } = schema;
  if ($ref !== undefined) return kinds(schemas[$ref.split('/').at(-1)!]!, schemas);
  const alternatives = anyOf ?? oneOf;
  if (alternatives !== undefined) return alternatives.flatMap(part => kinds(part, schemas));
  if (allOf !== undefined) return kinds(Object.assign({}, ...allOf) as JsonSchema, schemas);
  if (typeof type === 'object') return type.map(one => ({ ...schema, type: one }));
  return [schema];
}

/** A small value that a schema allows. */
export function smallest(schema: JsonSchema, schemas: Schemas): unknown {
  const kind = kinds(schema, schemas)[0]!;
  const { type, enum: values, properties = {}, required = [], items = {}, minItems = 0, minimum = 1 } = kind;
  if ('const' in kind) return kind.const;
  if (values !== undefined) return values[0];
  if (type === 'string') return 'a';
  if (type === 'integer' || type === 'number') return minimum;
  if (type === 'boolean') return false;
  if (type === 'array') return Array.from({ length: minItems }, () => smallest(items, schemas));
  if (type === 'object')
    return Object.fromEntries(required.map(name => [name, smallest(properties[name] ?? {}, schemas)]));
  return null;
}
