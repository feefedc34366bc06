import fc from 'fast-check';
import { patterns } from './pattern-texts.js';
import {
  anyText,
  between,
  pick,
  several,
  writeAny,
  writeConstant,
  writeFreely,
  writeList,
  writeMember,
  writeNumber,
  writeShortly,
  type Random,
} from './written-values.js';

type Schema = Record<string, unknown> | boolean;

/** A schema, and what writes a value that is valid for it, in one of the ways that structured output is meant to admit. */
export interface SchemaInstance {
  readonly schema: Schema;
  readonly write: (random: Random) => string;
}

/** A decimal number of up to 15 digits, and a schema whose bounds admit it. */
const number = fc
  .record({
    mantissa: fc.oneof(fc.integer({ min: -2000, max: 2000 }), fc.maxSafeInteger()),
    decimals: fc.constantFrom(0, 0, 1, 3, 9),
    below: fc.option(fc.constantFrom(0, 0.5, 7, 3000, 1e14), { nil: undefined }),
    above: fc.option(fc.constantFrom(0, 0.5, 7, 3000, 1e14), { nil: undefined }),
    exclusive: fc.boolean(),
    divisor: fc.option(fc.constantFrom(1, 2, 7, 12), { nil: undefined, freq: 3 }),
    asInteger: fc.boolean(),
  })
  .map(({ mantissa, decimals, below, above, exclusive, divisor, asInteger }): SchemaInstance => {
    let digits = Math.trunc(mantissa / (Math.abs(mantissa) >= 1e15 ? 10 : 1));
    if (divisor !== undefined) digits -= digits % divisor;
    const integer = asInteger || divisor !== undefined;
    const value = integer ? digits : Number((digits / 10 ** decimals).toFixed(decimals));
    // Floats of 15 digits keep no finer steps than this.
    const bound = (distance: number, sign: number): object => {
      const wide = distance === 0 ? 0 : Math.max(distance, Math.abs(value) / 1e12);
      const at = value + sign * wide;
      const strict = exclusive && wide > 0;
      const name = sign < 0 ? 'minimum' : 'maximum';
      return { [strict ? name.replace('m', 'exclusiveM') : name]: at };
    };
    const schema = {
      type: asInteger ? 'integer' : 'number',
      ...(below !== undefined && bound(below, -1)),
      ...(above !== undefined && bound(above, 1)),
      ...(divisor !== undefined && { multipleOf: divisor }),
    };
    const text = integer ? String(value) : value.toFixed(decimals);
    return { schema, write: () => text.replace(/^-(?=[0.]+$)/, '') };
  });

const freeNumber = fc.constantFrom<SchemaInstance>(
  { schema: { type: 'number' }, write: writeNumber },
  {
    schema: { type: 'integer' },
    write: random => `${pick(random, ['', '-'])}${between(random, 0, 10 ** between(random, 1, 15) - 1)}`,
  },
);

/** Texts between two lengths. */
const freeString = fc
  .record({
    texts: fc.array(fc.string({ unit: 'binary', maxLength: 8 }), { minLength: 1, maxLength: 3 }),
    spans: fc.option(fc.tuple(fc.nat(2), fc.nat(2)), { nil: undefined }),
  })
  .map(({ texts, spans }): SchemaInstance => {
    const lengths = texts.map(text => Array.from(text).length);
    const schema = {
      type: 'string',
      ...(spans !== undefined && {
        minLength: Math.max(0, Math.min(...lengths) - spans[0]),
        maxLength: Math.max(...lengths) + spans[1],
      }),
    };
    return { schema, write: random => writeFreely(pick(random, texts), random) };
  });

/** Patterns that are found within a text: repetitions of unlike length are too complex there. */
const partialPatterns: readonly SchemaInstance[] = (
  [
    ['ab|c', random => anyText(random) + pick(random, ['ab', 'c']) + anyText(random)],
    ['^a\\d', random => `a7${anyText(random)}`],
    ['\\s"$', random => `${anyText(random)} "`],
    ['[^a]{2}', random => `${anyText(random)}é\n${anyText(random)}`],
    ['^$|^x', random => pick(random, ['', `x${anyText(random)}`])],
  ] satisfies [string, (random: Random) => string][]
).map(([pattern, write]) => ({
  schema: { type: 'string', pattern },
  write: random => writeShortly(write(random), random),
}));
const patternString = fc.oneof(
  patterns
    .filter(({ source }) => source.length < 60)
    .map(({ source, write }): SchemaInstance => ({
      schema: { type: 'string', pattern: `^(?:${source})$` },
      write: random => writeShortly(write(random), random),
    })),
  fc.constantFrom(...partialPatterns),
);

/** Texts of each format. */
export const FORMAT_TEXTS: Readonly<Record<string, readonly string[]>> = {
  date: ['2024-02-29', '1999-12-31', '0001-01-01'],
  time: ['23:59:59Z', '00:00:00.123+14:00'],
  'date-time': ['2024-02-29T12:00:00Z', '1985-04-12T23:20:50.52-03:30'],
  duration: ['P1Y2M3DT4H5M6S', 'P3W', 'PT36H', 'P1D'],
  uuid: ['f81d4fae-7dec-11d0-A765-00a0c91e6bf6'],
  email: ['a@b.de', 'first.last+tag@mail.example.co.uk'],
  hostname: ['localhost', 'a-1.example.org'],
  ipv4: ['0.0.0.0', '255.249.199.9'],
  ipv6: [
    '::',
    '::1',
    '2001:db8::1',
    'fe80::1:2:3:4',
    '1:2:3:4:5:6:7:8',
    '1:2:3::',
    '1::3:4:5:6:7:8',
    '::ffff:10.0.0.1',
  ],
  uri: ['https://example.org', 'ftp://a.b:21/x/y;z=1?q=%20&r=#part'],
  url: ['https://www.example.org/a/b.html'],
  'uri-reference': ['/a/b?c', '#x', '', 'https://example.org/'],
  'json-pointer': ['', '/a~1b/0/é'],
  byte: ['', 'TQ==', 'TWE=', 'TWFu+/8='],
  binary: ['any "text"'],
  password: ['any\ntext'],
};

const formatString = fc
  .constantFrom(...Object.entries(FORMAT_TEXTS))
  .map(([format, texts]): SchemaInstance => ({
    schema: { type: 'string', format },
    write: random => writeShortly(pick(random, texts), random),
  }));

const key = fc.constantFrom('a', 'b', 'name', 'x y', 'é"\\', '__proto_', 'constructor', 'tab\t\u0001');

const constant = fc.letrec<{ value: unknown }>(tie => ({
  value: fc.oneof(
    { depthSize: 'small' },
    fc.constantFrom<unknown>(null, true, false, 0, -1.5, 1e21, 5e-7),
    fc.string({ unit: 'binary', maxLength: 5 }),
    fc.array(tie('value'), { maxLength: 2 }),
    // ajv compares objects by their "constructor", so there is no such key.
    fc.dictionary(fc.constantFrom('a', 'é"\\', '__proto_'), tie('value'), {
      maxKeys: 2,
      noNullPrototype: true,
    }),
  ),
})).value;

const constants = fc.array(constant, { minLength: 1, maxLength: 3 }).map((values): SchemaInstance => ({
  schema: values.length === 1 ? { const: values[0] } : { enum: values },
  write: random => writeConstant(pick(random, values), random),
}));

const leaf = fc.oneof(
  number,
  freeNumber,
  freeString,
  patternString,
  formatString,
  constants,
  fc.constantFrom<SchemaInstance>(
    { schema: { type: 'boolean' }, write: random => pick(random, ['true', 'false']) },
    { schema: { type: 'null' }, write: () => 'null' },
    { schema: true, write: writeAny },
    { schema: {}, write: writeAny },
    {
      schema: { type: ['string', 'null', 'integer'] },
      write: random => pick(random, ['null', '-3', writeFreely(anyText(random), random)]),
    },
  ),
);

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

/** Objects that differ in a constant, which lies in as many objects as `depth` says, or values of different types. */
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
  return fc.oneof(either, exclusive, both);
}

const values = fc.letrec<{ value: SchemaInstance }>(tie => ({
  value: fc.oneof(
    { depthSize: 'small', maxDepth: 3, withCrossShrink: true },
    leaf,
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
