import fc from 'fast-check';
import { scalars, type Schema, type SchemaInstance } from './scalar-instances.js';
import {
  between,
  pick,
  several,
  writeAny,
  writeFreely,
  writeList,
  writeMember,
  writeShortly,
  type Random,
} from './written-values.js';

const key = fc.constantFrom('a', 'b', 'name', 'x y', 'é"\\', '__proto_', 'constructor', 'tab\t\u0001');

const ANYTHING: SchemaInstance = { schema: true, write: writeAny };

function shuffled<T>(random: Random, entries: readonly T[]): T[] {
  return entries
    .map(entry => ({ entry, at: random() }))
    .sort((a, b) => a.at - b.at)
    .map(({ entry }) => entry);
}

/** Properties in their order, those that are not required present or not, then others in any order. */
function objects(inner: fc.Arbitrary<SchemaInstance>): fc.Arbitrary<SchemaInstance> {
  return fc
    .record({
      properties: fc.uniqueArray(fc.tuple(key, inner, fc.boolean()), {
        selector: ([name]) => name,
        maxLength: 4,
      }),
      needsOther: fc.boolean(),
      additional: fc.option(fc.oneof(fc.constant(false as const), inner), { nil: undefined }),
      pattern: fc.option(inner, { nil: undefined, freq: 3 }),
      names: fc.option(fc.constantFrom({ maxLength: 20 }, { pattern: '^[^X]*$' }), {
        nil: undefined,
        freq: 4,
      }),
      limits: fc.option(fc.tuple(fc.boolean(), fc.nat(2)), { nil: undefined }),
    })
    .map(({ properties, needsOther, additional, pattern, names, limits }): SchemaInstance => {
      const open =
        additional !== false &&
        (additional !== undefined || pattern !== undefined || properties.length === 0);
      const other = additional === false || additional === undefined ? ANYTHING : additional;
      const required = properties.filter(([, , needed]) => needed).map(([name]) => name);
      const asked = needsOther && additional !== false ? ['asked'] : [];
      const closed =
        additional === undefined && pattern === undefined && properties.length + asked.length > 0;
      const least = required.length + asked.length;
      const mayHaveMore = required.length < properties.length || (open && !closed);
      const minProperties = least + (limits?.[0] === true && mayHaveMore ? 1 : 0);
      const maxProperties = limits === undefined ? Infinity : minProperties + limits[1];
      const schema = {
        type: 'object',
        ...(properties.length > 0 && {
          properties: Object.fromEntries(properties.map(([name, { schema }]) => [name, schema])),
        }),
        ...(least > 0 && { required: [...asked, ...required] }),
        ...(additional !== undefined && {
          additionalProperties: additional === false ? false : additional.schema,
        }),
        ...(pattern !== undefined && { patternProperties: { '^p_': pattern.schema } }),
        ...(names !== undefined && { propertyNames: names }),
        ...(limits !== undefined && { minProperties, maxProperties }),
      };
      const freeKeys = least + properties.length === 0 && pattern === undefined && names === undefined;
      const member = (name: string, { write }: SchemaInstance, random: Random): string =>
        writeMember((freeKeys ? writeFreely : writeShortly)(name, random), write(random), random);
      const write = (random: Random): string => {
        const others: [string, SchemaInstance][] = [];
        if (pattern !== undefined) others.push(['p_', pattern], ['p_é', pattern]);
        if (open && !closed) others.push(['other', other], ['o"ther', other]);
        const optional = shuffled(random, [
          ...properties.filter(([, , needed]) => !needed).map(([name]) => name),
          ...others.map(([name]) => name),
        ]);
        const count = between(random, minProperties, Math.min(maxProperties, least + optional.length));
        const chosen = new Set([...required, ...optional.slice(0, count - least)]);
        return writeList(
          '{',
          [
            ...properties
              .filter(([name]) => chosen.has(name))
              .map(([name, value]) => member(name, value, random)),
            ...asked.map(name => member(name, other, random)),
            ...shuffled(random, others)
              .filter(([name]) => chosen.has(name))
              .map(([name, value]) => member(name, value, random)),
          ],
          '}',
          random,
        );
      };
      return { schema, write };
    });
}

function arrays(inner: fc.Arbitrary<SchemaInstance>): fc.Arbitrary<SchemaInstance> {
  return fc
    .record({
      prefix: fc.array(inner, { maxLength: 2 }),
      items: fc.option(inner, { nil: undefined }),
      typed: fc.boolean(),
      low: fc.nat(4),
      span: fc.nat(4),
      limits: fc.tuple(fc.boolean(), fc.boolean()),
    })
    .map(({ prefix, items, typed, low, span, limits }): SchemaInstance => {
      // A least length beyond the prefix asks for further items, of any kind.
      const endless = items !== undefined || prefix.length === 0 || (limits[0] && low > prefix.length);
      const minItems = endless ? low : Math.min(low, prefix.length);
      const maxItems = endless ? low + span : prefix.length;
      const schema = {
        ...(typed && { type: 'array' }),
        ...(prefix.length > 0 && { prefixItems: prefix.map(({ schema }) => schema) }),
        ...(items !== undefined && { items: items.schema }),
        ...((limits[0] || prefix.length === 0) && { minItems }),
        ...(limits[1] && { maxItems }),
      };
      const write = (random: Random): string => {
        const count = between(random, limits[0] || prefix.length === 0 ? minItems : 0, maxItems);
        const entries = Array.from({ length: count }, (_, i) =>
          (prefix[i] ?? items ?? ANYTHING).write(random),
        );
        return writeList('[', entries, ']', random);
      };
      return { schema, write };
    });
}

/**
 * Objects that differ in a constant, which lies in as many objects as `depth` says, or values of different
 * types.
 */
export function discriminated(branches: readonly SchemaInstance[], depth: number): SchemaInstance {
  const wrap = (index: number): Schema =>
    Array.from({ length: depth }).reduce<Schema>(
      inner => ({ type: 'object', properties: { kind: inner }, required: ['kind'] }),
      { const: `kind ${index}` },
    );
  return {
    schema: {
      oneOf: branches.map(({ schema }, index) => ({
        type: 'object',
        properties: { head: wrap(index), value: schema },
        required: ['head', 'value'],
      })),
    },
    write: random => {
      const index = between(random, 0, branches.length - 1);
      const head = Array.from({ length: depth }).reduce<string>(
        inner => writeList('{', [writeMember('"kind"', inner, random)], '}', random),
        `"kind ${index}"`,
      );
      const members = [
        writeMember('"head"', head, random),
        writeMember('"value"', branches[index]!.write(random), random),
      ];
      return writeList('{', members, '}', random);
    },
  };
}

function combined(inner: fc.Arbitrary<SchemaInstance>): fc.Arbitrary<SchemaInstance> {
  const either = fc.array(inner, { minLength: 1, maxLength: 3 }).map((branches): SchemaInstance => ({
    schema: { anyOf: branches.map(({ schema }) => schema) },
    write: random => pick(random, branches).write(random),
  }));
  const exclusive = fc
    .tuple(fc.array(inner, { minLength: 2, maxLength: 3 }), fc.nat(2))
    .map(([branches, depth]) => discriminated(branches, depth));
  const both = fc.tuple(inner, inner).map(([a, b]): SchemaInstance => ({
    schema: {
      allOf: [
        { type: 'object', properties: { left: a.schema }, required: ['left'] },
        { properties: { right: b.schema } },
      ],
    },
    write: random =>
      writeList(
        '{',
        [
          writeMember('"left"', a.write(random), random),
          ...(random() < 0.5 ? [] : [writeMember('"right"', b.write(random), random)]),
        ],
        '}',
        random,
      ),
  }));
  const oneNeeded = fc.tuple(inner, inner).map(([a, b]): SchemaInstance => ({
    schema: {
      type: 'object',
      properties: { left: a.schema, right: b.schema },
      anyOf: [{ required: ['left'] }, { required: ['right'] }],
    },
    write: random => {
      const members = [
        writeMember('"left"', a.write(random), random),
        writeMember('"right"', b.write(random), random),
      ];
      return writeList('{', pick(random, [members, members.slice(0, 1), members.slice(1)]), '}', random);
    },
  }));
  const typed = inner.map(({ schema, write }): SchemaInstance => ({
    schema: { oneOf: [{ type: 'null' }, { type: 'boolean' }, { type: 'array', items: schema }] },
    write: random => {
      const items = several(random, 0, 2, () => write(random));
      return pick(random, ['null', 'true', writeList('[', items, ']', random)]);
    },
  }));
  return fc.oneof(either, exclusive, both, oneNeeded, typed);
}

const values = fc.letrec<{ value: SchemaInstance }>(tie => ({
  value: fc.oneof(
    { depthSize: 'small', maxDepth: 3, withCrossShrink: true },
    scalars,
    objects(tie('value')),
    arrays(tie('value')),
    combined(tie('value')),
  ),
})).value;

/** A chain of objects by a reference to the root, or a value by a reference to a definition. */
const references = fc.tuple(values, fc.boolean()).map(([{ schema, write }, recursive]): SchemaInstance => {
  if (!recursive)
    return {
      schema: { $defs: { 'a/b': schema }, type: 'array', items: { $ref: '#/$defs/a~1b' } },
      write: random =>
        writeList(
          '[',
          several(random, 0, 2, () => write(random)),
          ']',
          random,
        ),
    };
  const chain = (random: Random, length: number): string => {
    const next = length === 0 ? 'null' : chain(random, length - 1);
    const members = [writeMember('"value"', write(random), random), writeMember('"next"', next, random)];
    return writeList('{', members, '}', random);
  };
  return {
    schema: {
      type: 'object',
      properties: { value: schema, next: { anyOf: [{ type: 'null' }, { $ref: '#' }] } },
      required: ['next'],
    },
    write: random => chain(random, between(random, 0, 3)),
  };
});

/** Random schemas of all kinds that structured output follows. */
export const schemaInstances: fc.Arbitrary<SchemaInstance> = fc
  .oneof({ arbitrary: values, weight: 4 }, { arbitrary: references, weight: 1 })
  // The largest ones may exceed the limits on automata.
  .filter(({ schema }) => JSON.stringify(schema).length < 2000);
