import fc from 'fast-check';
import { patterns } from './pattern-texts.js';
import {
  anyText,
  between,
  pick,
  writeAny,
  writeConstant,
  writeFreely,
  writeNumber,
  writeShortly,
  type Random,
} from './written-values.js';

export type Schema = Record<string, unknown> | boolean;

/**
 * A schema, and what writes a value that is valid for it, in one of the ways that structured output is meant
 * to admit.
 */
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
const FORMAT_TEXTS: Readonly<Record<string, readonly string[]>> = {
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

/** Schemas of values without members, and of any values. */
export const scalars = fc.oneof(
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
