import fc from 'fast-check';
import t from 'tap';
import { seededRandom } from '#test/support/seeded-random.js';
import { compileStructure, type Structure } from '#structured/index.js';
import { patterns } from '#test/support/pattern-texts.js';
import { runs } from '#test/support/property-runs.js';
import { faultOf } from '#test/support/schema-validator.js';
import type { SchemaInstance } from '#test/support/scalar-instances.js';
import { discriminated, schemaInstances } from '#test/support/schema-instances.js';
import { refusedPart, tokenizerOfPieces } from '#test/support/token-walk.js';
import { writeAny, type Random } from '#test/support/written-values.js';

/** @returns what of the text was refused, or undefined. @throws Refusal where the structure is. */
function refused(structure: Structure, text: string, seed: number): string | undefined {
  const random = seededRandom(seed);
  const tokenizer = tokenizerOfPieces(text, random);
  return refusedPart(compileStructure(structure, tokenizer)(), tokenizer, text, random);
}

function checkInstance({ schema, write }: SchemaInstance, seed: number): void {
  const text = write(seededRandom(seed));
  const error = faultOf(JSON.parse(text), schema);
  if (error !== undefined) throw new Error(`the test itself: ${text}: ${error}`);
  const part = refused({ kind: 'schema', schema }, text, seed);
  if (part !== undefined) throw new Error(`refused: ${part}`);
}

t.test('whatever is valid for a random schema can be written', async () => {
  fc.assert(fc.property(schemaInstances, fc.nat(), checkInstance), runs(120));
});

t.test('every text of a random regular expression can be written', async () => {
  fc.assert(
    fc.property(patterns, fc.nat(), ({ source, write }, seed) => {
      const text = write(seededRandom(seed));
      if (!new RegExp(`^(?:${source})$`, 'u').test(text)) throw new Error(`the test itself: ${text}`);
      const part = refused({ kind: 'regex', pattern: source }, text, seed);
      if (part !== undefined) throw new Error(`refused: ${part}`);
    }),
    runs(150),
  );
});

t.test('every choice can be written, those that begin another one too', async () => {
  const choices = fc.array(fc.string({ unit: 'binary', minLength: 1 }), { minLength: 1, maxLength: 4 });
  fc.assert(
    fc.property(choices, fc.nat(), (texts, seed) => {
      const all = texts.flatMap(text => [text, `${text} and on`]);
      const text = all[seed % all.length]!;
      const part = refused({ kind: 'choice', choices: all }, text, seed);
      if (part !== undefined) throw new Error(`refused: ${part}`);
    }),
    runs(100),
  );
});

t.test('whatever is an object can be written as json_object', async () => {
  const write = (random: Random): string => `{"a": ${writeAny(random, 3)}}`;
  fc.assert(
    fc.property(fc.nat(), seed => {
      const part = refused({ kind: 'object' }, write(seededRandom(seed)), seed);
      if (part !== undefined) throw new Error(`refused: ${part}`);
    }),
    runs(50),
  );
});

t.test('oneOf is followed where a constant tells its schemas apart, up to three objects deep', async t => {
  const branches = [
    { schema: { type: 'integer' }, write: () => '5' },
    { schema: { type: 'integer' }, write: () => '-7' },
  ];
  for (let depth = 0; depth <= 3; depth++) {
    for (let seed = 0; seed < 6; seed++) checkInstance(discriminated(branches, depth), seed);
    t.pass(`${depth} objects deep`);
  }
  t.throws(() => checkInstance(discriminated(branches, 4), 0), { pointer: '/oneOf', message: /two of its/ });
});

/** Values that are valid but cannot be written, each with the reason for that. */
const LEFT_OUT: readonly (readonly [reason: string, schema: object, text: string])[] = [
  [
    'required properties have one order',
    { properties: { a: true, b: true }, required: ['a', 'b'] },
    '{"b":1,"a":1}',
  ],
  ['an object with `properties` alone has no others', { properties: { a: true } }, '{"a":1,"b":2}'],
  ['a list with `prefixItems` alone ends after them', { prefixItems: [true] }, '[1,2]'],
  ['a schema means the types that its keywords speak of', { minLength: 1 }, '5'],
  [
    'keys that match several patterns are no keys',
    { patternProperties: { '^a': true, b$: true } },
    '{"ab":1}',
  ],
  [
    'keys without a name of their own may be the same, so one counts',
    { properties: { a: true }, additionalProperties: true, minProperties: 2 },
    '{"x":1,"y":2}',
  ],
  ['numbers with bounds have one digit before an exponent', { type: 'number', minimum: 1 }, '12e2'],
  ['numbers with an upper bound are below it without their exponent', { type: 'number', maximum: 3 }, '4e-1'],
  ['integers have no fraction', { type: 'integer' }, '1.0'],
  ['zero with bounds has no sign', { type: 'integer', minimum: -1 }, '-0'],
  ['numbers have 40 digits', { type: 'integer' }, '1'.repeat(41)],
  ['constants have one spelling', { const: 'a' }, '"\\u0061"'],
  ['texts of a pattern have the shortest spelling', { type: 'string', pattern: 'a/b' }, '"a\\/b"'],
  ['white space stands where programs put it', {}, '[ 1 , 2 ]'],
  ['addresses have the usual shape', { type: 'string', format: 'email' }, '"a!b@c.de"'],
  ['URIs have an authority', { type: 'string', format: 'uri' }, '"urn:isbn:0451450523"'],
];

t.test('what is valid and left out is known', async t => {
  for (const [reason, schema, text] of LEFT_OUT) {
    t.equal(faultOf(JSON.parse(text), schema), undefined, `${text} is valid`);
    t.ok(refused({ kind: 'schema', schema }, text, 1), reason);
  }
});
