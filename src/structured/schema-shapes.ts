import { Expander, type Conjunction, type Pointers } from './conjunctions.js';
import {
  additionalSchemas,
  itemSchemas,
  patternsOf,
  prefixLength,
  propertySchemas,
  restKeyword,
} from './members.js';
import { counts, numberShape, stringShape } from './scalar-shapes.js';
import { child, type SchemaDocument, type SchemaObject } from './schema-document.js';
import type { ObjectShape, Shape } from './shapes.js';
import { validConstants } from './validator.js';
import { wantedTypes } from './value-types.js';

/** Reads schemas as shapes: references followed, combinations resolved. */
export class SchemaShapes {
  readonly schemas: Expander;

  constructor(document: SchemaDocument) {
    this.schemas = new Expander(document);
  }

  /**
   * The kinds of values for which all of the schemas hold, or at least some that are worth generating: an
   * object with `properties` and without `additionalProperties` has only those, and a list with `prefixItems`
   * and without `items` ends after them.
   *
   * @returns an empty list where no value is valid.
   * @throws Refusal
   */
  of(pointers: Pointers): Shape[] {
    return this.schemas.expand(pointers).flatMap(conjunction => this.#shapes(conjunction));
  }

  #shapes(conjunction: Conjunction): Shape[] {
    this.schemas.budget.charge(conjunction.reduce((sum, { schema }) => sum + size(schema), 16));
    const values = validConstants(conjunction, this.schemas);
    if (values !== undefined) return values.length === 0 ? [] : [{ type: 'values', values }];
    return wantedTypes(conjunction).flatMap((type): Shape[] => {
      switch (type) {
        case 'null':
        case 'boolean':
          return [{ type }];
        case 'integer':
        case 'number':
          return [numberShape(conjunction, type === 'integer')];
        case 'string':
          return [stringShape(conjunction)];
        case 'array':
          return this.#array(conjunction);
        case 'object':
          return [this.#object(conjunction)];
      }
    });
  }

  #array(conjunction: Conjunction): Shape[] {
    const limits = conjunction.map(({ schema }) => counts(schema));
    const minItems = Math.max(0, ...limits.map(({ minItems }) => minItems));
    let maxItems = Math.min(...limits.map(({ maxItems }) => maxItems));
    const lengths = conjunction.map(({ schema }) => prefixLength(schema));
    const longest = Math.max(0, ...lengths);
    const open = conjunction.every(({ schema }, i) => lengths[i] === 0 || restKeyword(schema) in schema);
    this.schemas.budget.charge(2 * longest * conjunction.length);
    // Rest items that are forbidden, in whatever way, end the list.
    const rest = itemSchemas(conjunction, longest);
    const items = open && this.schemas.expand(rest).length > 0 ? rest : undefined;
    const needsMore = items === undefined && minItems > longest && !open;
    if (items === undefined && !needsMore) maxItems = Math.min(maxItems, longest);
    if (minItems > maxItems) return [];
    return [
      {
        type: 'array',
        prefix: Array.from({ length: Math.min(longest, maxItems) }, (_, index) =>
          itemSchemas(conjunction, index),
        ),
        items: needsMore ? rest : items,
        minItems,
        maxItems,
      },
    ];
  }

  #object(conjunction: Conjunction): ObjectShape {
    const limits = conjunction.map(({ schema }) => counts(schema));
    const required = new Set(
      conjunction.flatMap(({ schema }) => (schema.required as string[] | undefined) ?? []),
    );
    const named = new Set(
      conjunction.flatMap(({ schema }) => Object.keys((schema.properties as object | undefined) ?? {})),
    );
    const sources = new Map(
      conjunction.flatMap(({ schema, pointer }) =>
        patternsOf(schema).map(source => [source, child(pointer, 'patternProperties', source)] as const),
      ),
    );
    const declared = conjunction.some(
      ({ schema }) => 'additionalProperties' in schema || 'patternProperties' in schema,
    );
    const listed = conjunction.some(({ schema }) => 'properties' in schema) || required.size > 0;
    const additional = additionalSchemas(conjunction);
    this.schemas.budget.charge(2 * sources.size * conjunction.length);
    return {
      type: 'object',
      properties: [...new Set([...named, ...required])].map(name => ({
        name,
        required: required.has(name),
        schema: propertySchemas(conjunction, name, this.schemas),
      })),
      patterns: [...sources].map(([value, pointer]) => ({
        value,
        pointer,
        // Patterns of several schemas: the others' additional properties hold for the key as well.
        schema: conjunction.flatMap(flat => {
          const own = Object.hasOwn((flat.schema.patternProperties as object | undefined) ?? {}, value);
          return own ? [child(flat.pointer, 'patternProperties', value)] : additionalSchemas([flat]);
        }),
      })),
      additional:
        (declared || !listed) && this.schemas.expand(additional).length > 0 ? additional : undefined,
      names: conjunction.flatMap(({ schema, pointer }) =>
        'propertyNames' in schema ? [child(pointer, 'propertyNames')] : [],
      ),
      minProperties: Math.max(0, ...limits.map(({ minProperties }) => minProperties)),
      maxProperties: Math.min(...limits.map(({ maxProperties }) => maxProperties)),
    };
  }
}

/** Keywords, and members of those that list something. */
function size(schema: SchemaObject): number {
  const { required, properties, patternProperties } = schema;
  const members = [required, properties, patternProperties].map(value =>
    Object.keys(Object(value) as object),
  );
  return members.reduce((sum, { length }) => sum + length, Object.keys(schema).length);
}
