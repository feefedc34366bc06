import { accepts, toDfa } from './dfa.js';
import { FORMATS } from './formats.js';
import type { Bound } from './numbers.js';
import { at, LIMITS, Refusal } from './refusal.js';
import { partialMatch } from './regex.js';
import { child, isObject, type SchemaDocument, type SchemaObject } from './schema-document.js';

/** Pointers to schemas that all hold. */
export type Pointers = readonly string[];

/** A keyword with a place. */
export interface Placed<T> {
  readonly value: T;
  readonly pointer: string;
}

/** A kind of value: what a schema comes down to is a list of these, of which one holds. */
export type Shape =
  | { readonly type: 'values'; readonly values: readonly unknown[] }
  | { readonly type: 'null' | 'boolean' }
  | NumberShape
  | StringShape
  | ArrayShape
  | ObjectShape;

export interface NumberShape {
  readonly type: 'number';
  readonly integer: boolean;
  readonly min: Bound | undefined;
  readonly max: Bound | undefined;
  readonly multipleOf: readonly Placed<number>[];
}

export interface StringShape {
  readonly type: 'string';
  readonly minLength: number;
  readonly maxLength: number;
  readonly patterns: readonly Placed<string>[];
  readonly formats: readonly Placed<string>[];
}

export interface ArrayShape {
  readonly type: 'array';
  readonly prefix: readonly Pointers[];
  /** Of all items after those; undefined: there are none. */
  readonly items: Pointers | undefined;
  readonly minItems: number;
  readonly maxItems: number;
}

export interface ObjectShape {
  readonly type: 'object';
  /** In the order in which they come. */
  readonly properties: readonly {
    readonly name: string;
    readonly required: boolean;
    readonly schema: Pointers;
  }[];
  /** Keys that match one of the patterns and no other, and are no property. */
  readonly patterns: readonly (Placed<string> & { readonly schema: Pointers })[];
  /** Of all other keys; undefined: there are none. */
  readonly additional: Pointers | undefined;
  /** What keys must be. */
  readonly names: Pointers;
  readonly minProperties: number;
  readonly maxProperties: number;
}

type SimpleType = 'null' | 'boolean' | 'integer' | 'number' | 'string' | 'array' | 'object';

/** A schema without the keywords that combine others. */
interface Flat {
  readonly schema: SchemaObject;
  readonly pointer: string;
}
/** Schemas that all hold, with nothing left to choose. */
type Conjunction = readonly Flat[];

/** Keywords that speak of one type. A schema without `type` is taken to mean the types that its keywords speak of. */
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
/** Formats of numbers, which are not checked. */
const NUMBER_FORMATS = new Set(['int32', 'int64', 'float', 'double']);

/** Reads schemas as shapes: references followed, combinations resolved. */
export class SchemaShapes {
  readonly #document: SchemaDocument;

  constructor(document: SchemaDocument) {
    this.#document = document;
  }

  /**
   * The kinds of values for which all of the schemas hold, or at least some that are worth generating: an object with `properties` and without
   * `additionalProperties` has only those, and a list with `prefixItems` and without `items` ends after them.
   *
   * @returns an empty list where no value is valid.
   * @throws Refusal
   */
  of(pointers: Pointers): Shape[] {
    return this.#conjunctions(pointers).flatMap(conjunction => this.#shapes(conjunction));
  }

  #conjunctions(pointers: Pointers, active: ReadonlySet<string> = new Set()): Conjunction[] {
    return pointers.reduce<Conjunction[]>((left, pointer) => both(left, this.#expand(pointer, active)), [[]]);
  }

  /** @param active references that are being followed: one that returns to itself says nothing. */
  #expand(pointer: string, active: ReadonlySet<string>): Conjunction[] {
    const schema = this.#document.schema(pointer);
    if (schema === true) return [[]];
    if (schema === false) return [];
    let result: Conjunction[] = [[{ schema, pointer }]];
    if (schema.$ref !== undefined) {
      const target = this.#document.resolve(schema.$ref as string, pointer);
      if (active.has(target))
        throw new Refusal(child(pointer, '$ref'), 'refers to itself without a value between');
      result = both(result, this.#expand(target, new Set([...active, target])));
    }
    for (const index of keys(schema.allOf))
      result = both(result, this.#expand(child(pointer, 'allOf', index), active));
    if (schema.anyOf !== undefined) {
      const branches = keys(schema.anyOf).map(index => this.#expand(child(pointer, 'anyOf', index), active));
      result = both(result, branches.flat());
    }
    if (schema.oneOf !== undefined) {
      const branches = keys(schema.oneOf).map(index => this.#expand(child(pointer, 'oneOf', index), active));
      const exclusive = this.#exclusive(branches);
      if (!exclusive)
        throw new Refusal(
          child(pointer, 'oneOf'),
          'is not supported where one value may be valid for two of its schemas; anyOf is, and so are different types or a property with different constants',
        );
      result = both(result, branches.flat());
    }
    return result;
  }

  #exclusive(branches: readonly Conjunction[][]): boolean {
    return branches.every((branch, i) =>
      branches.slice(i + 1).every(other => branch.every(a => other.every(b => this.#disjoint(a, b, 0)))),
    );
  }

  /** Whether no value can be valid for both; false where that is not known. */
  #disjoint(a: Conjunction, b: Conjunction, depth: number): boolean {
    const [valuesA, valuesB] = [this.#values(a), this.#values(b)];
    if (valuesA !== undefined) return !valuesA.some(value => this.#mayBe(value, b));
    if (valuesB !== undefined) return !valuesB.some(value => this.#mayBe(value, a));
    const [typesA, typesB] = [allTypes(a), allTypes(b)];
    const isNumber = (type: SimpleType): boolean => type === 'integer' || type === 'number';
    if (typesA.some(isNumber) && typesB.some(isNumber)) return false;
    const common = typesA.filter(type => typesB.includes(type));
    if (common.some(type => type !== 'object')) return false;
    if (common.length === 0) return true;
    if (depth > 3) return false;
    const required = new Set(
      [...a, ...b].flatMap(({ schema }) => (schema.required as readonly string[] | undefined) ?? []),
    );
    return [...required].some(name => {
      const [inA, inB] = [this.#property(a, name), this.#property(b, name)];
      return this.#conjunctions(inA).every(x =>
        this.#conjunctions(inB).every(y => this.#disjoint(x, y, depth + 1)),
      );
    });
  }

  #mayBe(value: unknown, conjunction: Conjunction): boolean {
    return conjunction.every(flat => this.#valid(value, flat));
  }

  #shapes(conjunction: Conjunction): Shape[] {
    const values = this.#values(conjunction);
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

  /** The values of `enum` and `const` for which everything else holds too; undefined where there is neither. */
  #values(conjunction: Conjunction): unknown[] | undefined {
    const lists = conjunction.flatMap(({ schema }) => [
      ...(schema.enum === undefined ? [] : [schema.enum as readonly unknown[]]),
      ...('const' in schema ? [[schema.const]] : []),
    ]);
    const [first, ...others] = lists;
    if (first === undefined) return undefined;
    return first.filter(
      value =>
        others.every(list => list.some(other => equal(other, value))) && this.#mayBe(value, conjunction),
    );
  }

  /** Whether a value is valid for one schema, its combining keywords left aside (they are other parts of the same conjunction). */
  #valid(value: unknown, { schema, pointer }: Flat): boolean {
    const types = schema.type === undefined ? undefined : ([schema.type].flat() as SimpleType[]);
    if (types !== undefined && !types.some(type => isOfType(value, type))) return false;
    if (schema.enum !== undefined && !(schema.enum as unknown[]).some(other => equal(other, value)))
      return false;
    if ('const' in schema && !equal(schema.const, value)) return false;
    if (typeof value === 'number') return inRange(value, numberShape([{ schema, pointer }], false));
    if (typeof value === 'string') return this.#validString(value, stringShape([{ schema, pointer }]));
    if (Array.isArray(value)) {
      const { minItems, maxItems } = counts(schema);
      return (
        value.length >= minItems &&
        value.length <= maxItems &&
        value.every((item, index) => this.#validAll(item, this.#item([{ schema, pointer }], index)))
      );
    }
    if (isObject(value)) {
      const names = Object.keys(value);
      const { minProperties, maxProperties } = counts(schema);
      return (
        names.length >= minProperties &&
        names.length <= maxProperties &&
        ((schema.required as string[] | undefined) ?? []).every(name => Object.hasOwn(value, name)) &&
        names.every(name => this.#validAll(value[name], this.#property([{ schema, pointer }], name))) &&
        (schema.propertyNames === undefined ||
          names.every(name => this.#validAll(name, [child(pointer, 'propertyNames')])))
      );
    }
    return true;
  }

  #validAll(value: unknown, pointers: Pointers): boolean {
    return this.#conjunctions(pointers).some(conjunction => this.#mayBe(value, conjunction));
  }

  #validString(value: string, { minLength, maxLength, patterns, formats }: StringShape): boolean {
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

  #array(conjunction: Conjunction): Shape[] {
    const limits = conjunction.map(({ schema }) => counts(schema));
    const minItems = Math.max(0, ...limits.map(({ minItems }) => minItems));
    let maxItems = Math.min(...limits.map(({ maxItems }) => maxItems));
    const lengths = conjunction.map(({ schema }) => prefixLength(schema));
    const longest = Math.max(0, ...lengths);
    const open = conjunction.every(
      ({ schema }, i) =>
        lengths[i] === 0 || (Array.isArray(schema.items) ? 'additionalItems' : 'items') in schema,
    );
    // Rest items that are forbidden, in whatever way, end the list.
    const rest = this.#item(conjunction, longest);
    const items = open && this.#conjunctions(rest).length > 0 ? rest : undefined;
    const needsMore = items === undefined && minItems > longest && !open;
    if (items === undefined && !needsMore) maxItems = Math.min(maxItems, longest);
    if (minItems > maxItems) return [];
    return [
      {
        type: 'array',
        prefix: Array.from({ length: Math.min(longest, maxItems) }, (_, index) =>
          this.#item(conjunction, index),
        ),
        items: needsMore ? rest : items,
        minItems,
        maxItems,
      },
    ];
  }

  /** What must hold for the item of an index. */
  #item(conjunction: Conjunction, index: number): Pointers {
    return conjunction.flatMap(({ schema, pointer }) => {
      const length = prefixLength(schema);
      const old = Array.isArray(schema.items);
      if (index < length) return [child(pointer, old ? 'items' : 'prefixItems', index)];
      const rest = old ? 'additionalItems' : 'items';
      return rest in schema ? [child(pointer, rest)] : [];
    });
  }

  #object(conjunction: Conjunction): Shape {
    const limits = conjunction.map(({ schema }) => counts(schema));
    const required = new Set(
      conjunction.flatMap(({ schema }) => (schema.required as string[] | undefined) ?? []),
    );
    const named = new Set(
      conjunction.flatMap(({ schema }) => Object.keys((schema.properties as object | undefined) ?? {})),
    );
    const sources = new Map(
      conjunction.flatMap(({ schema, pointer }) =>
        Object.keys((schema.patternProperties as object | undefined) ?? {}).map(
          source => [source, child(pointer, 'patternProperties', source)] as const,
        ),
      ),
    );
    const declared = conjunction.some(
      ({ schema }) => 'additionalProperties' in schema || 'patternProperties' in schema,
    );
    const additional = this.#additional(conjunction);
    return {
      type: 'object',
      properties: [...new Set([...named, ...required])].map(name => ({
        name,
        required: required.has(name),
        schema: this.#property(conjunction, name),
      })),
      patterns: [...sources].map(([value, pointer]) => ({
        value,
        pointer,
        // Patterns of several schemas: the others' additional properties hold for the key as well.
        schema: conjunction.flatMap(flat => {
          const own = (flat.schema.patternProperties as object | undefined) ?? {};
          if (Object.hasOwn(own, value)) return [child(flat.pointer, 'patternProperties', value)];
          return this.#additional([flat]);
        }),
      })),
      additional:
        (declared || named.size + required.size === 0) && this.#conjunctions(additional).length > 0
          ? additional
          : undefined,
      names: conjunction.flatMap(({ schema, pointer }) =>
        'propertyNames' in schema ? [child(pointer, 'propertyNames')] : [],
      ),
      minProperties: Math.max(0, ...limits.map(({ minProperties }) => minProperties)),
      maxProperties: Math.min(...limits.map(({ maxProperties }) => maxProperties)),
    };
  }

  #additional(conjunction: Conjunction): Pointers {
    return conjunction.flatMap(({ schema, pointer }) =>
      'additionalProperties' in schema ? [child(pointer, 'additionalProperties')] : [],
    );
  }

  /** What must hold for the property of a name. */
  #property(conjunction: Conjunction, name: string): Pointers {
    return conjunction.flatMap(flat => {
      const { schema, pointer } = flat;
      const result: string[] = [];
      if (Object.hasOwn((schema.properties as object | undefined) ?? {}, name))
        result.push(child(pointer, 'properties', name));
      for (const source of Object.keys((schema.patternProperties as object | undefined) ?? {})) {
        const place = child(pointer, 'patternProperties', source);
        if (at(place, () => accepts(toDfa(partialMatch(source)), name))) result.push(place);
      }
      return result.length > 0 ? result : this.#additional([flat]);
    });
  }
}

function both(left: readonly Conjunction[], right: readonly Conjunction[]): Conjunction[] {
  if (left.length * right.length > LIMITS.alternatives)
    throw new Refusal('', `comes down to more than ${LIMITS.alternatives} alternatives`);
  return left.flatMap(a =>
    right.map(b => [...a, ...b.filter(flat => !a.some(({ pointer }) => pointer === flat.pointer))]),
  );
}

function keys(list: unknown): number[] {
  return Array.isArray(list) ? [...list.keys()] : [];
}

/** The types that are valid, whatever else the schemas say. */
function allTypes(conjunction: Conjunction): SimpleType[] {
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

/** Of the valid types, those that are meant. */
function wantedTypes(conjunction: Conjunction): SimpleType[] {
  const valid = allTypes(conjunction);
  if (conjunction.some(({ schema }) => schema.type !== undefined)) return valid;
  const meant = new Set(
    conjunction.flatMap(({ schema }) =>
      Object.keys(schema).flatMap(key => (Object.hasOwn(KEYWORDS, key) ? [KEYWORDS[key]!] : [])),
    ),
  );
  return meant.size === 0 ? valid : valid.filter(type => meant.has(type));
}

function numberShape(conjunction: Conjunction, integer: boolean): NumberShape {
  const bounds = (key: string, exclusive: boolean): Bound[] =>
    conjunction.flatMap(({ schema }) =>
      schema[key] === undefined ? [] : [{ value: schema[key] as number, exclusive }],
    );
  const tightest = (all: readonly Bound[], sign: 1 | -1): Bound | undefined =>
    [...all].sort((a, b) => sign * (b.value - a.value) || Number(b.exclusive) - Number(a.exclusive))[0];
  return {
    type: 'number',
    integer,
    min: tightest([...bounds('minimum', false), ...bounds('exclusiveMinimum', true)], 1),
    max: tightest([...bounds('maximum', false), ...bounds('exclusiveMaximum', true)], -1),
    multipleOf: conjunction.flatMap(({ schema, pointer }) =>
      schema.multipleOf === undefined
        ? []
        : [{ value: schema.multipleOf as number, pointer: child(pointer, 'multipleOf') }],
    ),
  };
}

function inRange(value: number, { min, max, multipleOf }: NumberShape): boolean {
  return (
    (min === undefined || value > min.value || (value === min.value && !min.exclusive)) &&
    (max === undefined || value < max.value || (value === max.value && !max.exclusive)) &&
    multipleOf.every(({ value: divisor }) => Number.isInteger(value / divisor))
  );
}

function stringShape(conjunction: Conjunction): StringShape {
  const limits = conjunction.map(({ schema }) => counts(schema));
  const placed = (key: string): Placed<string>[] =>
    conjunction.flatMap(({ schema, pointer }) =>
      schema[key] === undefined ? [] : [{ value: schema[key] as string, pointer: child(pointer, key) }],
    );
  const formats = placed('format').filter(({ value }) => !NUMBER_FORMATS.has(value));
  for (const { value, pointer } of formats) {
    if (!FORMATS.has(value))
      throw new Refusal(
        pointer,
        `${JSON.stringify(value)} is not supported, only ${[...FORMATS.keys()].join(', ')}`,
      );
  }
  return {
    type: 'string',
    minLength: Math.max(0, ...limits.map(({ minLength }) => minLength)),
    maxLength: Math.min(...limits.map(({ maxLength }) => maxLength)),
    patterns: placed('pattern'),
    formats,
  };
}

/** Lower limits that are not given are 0, upper ones Infinity. */
function counts(
  schema: SchemaObject,
): Readonly<
  Record<'minLength' | 'maxLength' | 'minItems' | 'maxItems' | 'minProperties' | 'maxProperties', number>
> {
  const low = (key: string): number => (schema[key] as number | undefined) ?? 0;
  const high = (key: string): number => (schema[key] as number | undefined) ?? Infinity;
  return {
    minLength: low('minLength'),
    maxLength: high('maxLength'),
    minItems: low('minItems'),
    maxItems: high('maxItems'),
    minProperties: low('minProperties'),
    maxProperties: high('maxProperties'),
  };
}

function prefixLength(schema: SchemaObject): number {
  const list = Array.isArray(schema.items) ? schema.items : schema.prefixItems;
  return Array.isArray(list) ? list.length : 0;
}

function isOfType(value: unknown, type: SimpleType): boolean {
  switch (type) {
    case 'null':
      return value === null;
    case 'integer':
      return Number.isInteger(value);
    case 'array':
      return Array.isArray(value);
    case 'object':
      return isObject(value);
    case 'boolean':
    case 'number':
    case 'string':
      return typeof value === type;
  }
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
