import type { Conjunction, Expander, Pointers } from './conjunctions.js';
import { accepts } from './dfa.js';
import { child, type SchemaObject } from './schema-document.js';

/** Number of items at the beginning of an array that have schemas of their own. */
export function prefixLength(schema: SchemaObject): number {
  const list = Array.isArray(schema.items) ? schema.items : schema.prefixItems;
  return Array.isArray(list) ? list.length : 0;
}

/** The keyword for items after the prefix. Up to draft 2019-09, a list in `items` was the prefix. */
export function restKeyword(schema: SchemaObject): 'additionalItems' | 'items' {
  return Array.isArray(schema.items) ? 'additionalItems' : 'items';
}

/** The subschemas that must hold for the item at an index. */
export function itemSchemas(conjunction: Conjunction, index: number): Pointers {
  return conjunction.flatMap(({ schema, pointer }) => {
    if (index < prefixLength(schema))
      return [child(pointer, Array.isArray(schema.items) ? 'items' : 'prefixItems', index)];
    const rest = restKeyword(schema);
    return rest in schema ? [child(pointer, rest)] : [];
  });
}

/** The subschemas that must hold for the property of a name. */
export function propertySchemas(
  conjunction: Conjunction,
  name: string,
  { budget, patterns }: Pick<Expander, 'budget' | 'patterns'>,
): Pointers {
  budget.charge(2 * conjunction.length);
  return conjunction.flatMap(flat => {
    const { schema, pointer } = flat;
    const result: string[] = [];
    if (Object.hasOwn((schema.properties as object | undefined) ?? {}, name))
      result.push(child(pointer, 'properties', name));
    for (const source of patternsOf(schema)) {
      const place = child(pointer, 'patternProperties', source);
      if (accepts(patterns.ofPattern({ value: source, pointer: place }), name, budget)) result.push(place);
    }
    return result.length > 0 ? result : additionalSchemas([flat]);
  });
}

/** The subschemas that must hold for properties that no other keyword speaks of. */
export function additionalSchemas(conjunction: Conjunction): Pointers {
  return conjunction.flatMap(({ schema, pointer }) =>
    'additionalProperties' in schema ? [child(pointer, 'additionalProperties')] : [],
  );
}

/** The patterns of `patternProperties`. */
export function patternsOf(schema: SchemaObject): string[] {
  return Object.keys((schema.patternProperties as object | undefined) ?? {});
}
