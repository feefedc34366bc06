import fc from 'fast-check';
import t from 'tap';
import { parseJson } from '#http/json.js';
import { compileStructure, type Structure } from '#structured/index.js';
import { sample } from '#test/support/random-sampling.js';
import { schemaInstances } from '#test/support/schema-instances.js';
import { faultOf } from '#test/support/schema-validator.js';
import { byteFallbackTokenizer, byteLevelTokenizer } from '#test/support/tiny-tokenizers.js';
import { runs } from '#test/support/property-runs.js';

const tokenizer = byteLevelTokenizer();
const STOP = 2;

const compile = (structure: Structure): ReturnType<typeof compileStructure> =>
  compileStructure(structure, tokenizer);

t.test('what is generated for a random schema parses and is valid, within the most tokens', async t => {
  let whole = 0;
  let shortened = 0;
  fc.assert(
    fc.property(schemaInstances, fc.nat(), fc.constantFrom(40, 1500), ({ schema }, seed, maxTokens) => {
      const result = sample(compile({ kind: 'schema', schema })(), tokenizer, STOP, { seed, maxTokens });
      if (result.whole) {
        const fault = faultOf(parseJson(result.text, 'it').value, schema);
        if (fault !== undefined) throw new Error(`${result.text}: ${fault}`);
        whole++;
      }
      if (result.shortened) shortened++;
      if (maxTokens > 40 && !result.whole) throw new Error(`not brought to its end: ${result.text}`);
    }),
    runs(60),
  );
  t.ok(whole > 50, `${whole} texts were whole, ${shortened} of them brought to their end`);
});

t.test(
  'lists of lists of least lengths, which may begin anew in each item, are brought to their end',
  async t => {
    const item = { type: 'object', properties: { next: { anyOf: [{ type: 'null' }, { $ref: '#' }] } } };
    const list = { type: 'array', items: { ...item, required: ['next'] }, minItems: 2 };
    const schema = { type: 'array', items: list, minItems: 2 };
    const make = compile({ kind: 'schema', schema });
    for (let seed = 0; seed < 3; seed++) {
      const { text, whole, shortened } = sample(make(), tokenizer, STOP, { seed, maxTokens: 600 });
      t.ok(whole && shortened, text);
      t.equal(faultOf(JSON.parse(text), schema), undefined, text);
    }
  },
);

t.test('a SentencePiece vocabulary', async t => {
  const llama = byteFallbackTokenizer();
  const schema = {
    type: 'object',
    properties: { the: { type: 'string', minLength: 3 }, n: { type: 'integer' } },
    required: ['the', 'n'],
  };
  const make = compileStructure({ kind: 'schema', schema }, llama);
  for (let seed = 0; seed < 20; seed++) {
    const { text, whole } = sample(make(), llama, 2, { seed, maxTokens: 300 });
    t.ok(whole);
    t.equal(faultOf(JSON.parse(text), schema), undefined, text);
  }
});

t.test('json_object is an object, of any depth', async t => {
  const make = compile({ kind: 'object' });
  for (let seed = 0; seed < 30; seed++) {
    const { text } = sample(make(), tokenizer, STOP, { seed, maxTokens: 200 });
    t.ok(text.startsWith('{') && typeof JSON.parse(text) === 'object', text);
  }
});

const closed = { type: 'object', properties: {} };

t.test('an object with no properties of its own is empty, unless others are allowed', async t => {
  for (let seed = 0; seed < 10; seed++) {
    const { text, whole } = sample(compile({ kind: 'schema', schema: closed })(), tokenizer, STOP, {
      seed,
      maxTokens: 200,
    });
    t.strictSame([whole, JSON.parse(text)], [true, {}]);
  }
  const open = { ...closed, additionalProperties: { const: 1 }, minProperties: 1 };
  const { text } = sample(compile({ kind: 'schema', schema: open })(), tokenizer, STOP, {
    seed: 1,
    maxTokens: 200,
  });
  t.ok(Object.keys(JSON.parse(text) as object).length > 0, text);
});

t.test('regular expressions and choices match as a whole', async t => {
  for (const pattern of ['a+b?', '(?:yes|no)!', '\\d{4}-\\d{2}', '[α-ω]{1,3}', '^x|y$', '[^\\n"]{2}']) {
    const make = compile({ kind: 'regex', pattern });
    for (let seed = 0; seed < 20; seed++) {
      const { text, whole } = sample(make(), tokenizer, STOP, { seed, maxTokens: 60 });
      t.ok(whole && new RegExp(`^(?:${pattern})$`, 'u').test(text), `${pattern}: ${text}`);
    }
  }
  const choices = ['the cat', 'the', 'naïve ☕'];
  const make = compile({ kind: 'choice', choices });
  const seen = new Set(
    Array.from({ length: 60 }, (_, seed) => sample(make(), tokenizer, STOP, { seed, maxTokens: 60 }).text),
  );
  t.strictSame([...seen].sort(), [...choices].sort());
});

t.test('what cannot be followed is refused with its place', async t => {
  const cases: [schema: unknown, pointer: string, message: RegExp][] = [
    [
      { type: 'object', properties: { a: { not: {} } }, required: ['a'] },
      '/properties/a/not',
      /not supported/,
    ],
    [{ type: 'array', uniqueItems: true }, '/uniqueItems', /not supported/],
    [{ items: { type: 'array', contains: {} }, type: 'array' }, '/items/contains', /not supported/],
    [{ if: {}, then: {} }, '/if', /not supported/],
    [{ type: 'strin' }, '/type', /malformed/],
    [{ $ref: '#/$defs/gone' }, '/$ref', /leads nowhere/],
    [{ $ref: 'https://example.org/a.json' }, '/$ref', /not supported/],
    [{ $defs: { a: { $ref: '#/$defs/a' } }, $ref: '#/$defs/a' }, '/$defs/a/$ref', /refers to itself/],
    [{ type: 'string', pattern: '(?=a)b' }, '/pattern', /look-around/],
    [{ type: 'string', pattern: '(a)\\1' }, '/pattern', /back references/],
    [{ type: 'string', pattern: '[' }, '/pattern', /not a regular expression/],
    [{ type: 'string', pattern: '(?:.*a.{16}){2}' }, '/pattern', /too complex/],
    [{ type: 'integer', multipleOf: 1001 }, '/multipleOf', /few digits/],
    [{ type: 'number', multipleOf: 0.12345 }, '/multipleOf', /few digits/],
    [{ type: 'number', multipleOf: 0 }, '/multipleOf', /malformed/],
    [{ oneOf: [{ type: 'integer' }, { type: 'number' }] }, '/oneOf', /two of its schemas/],
    [
      { type: 'object', properties: { 'a/b': { type: 'string', minLength: -1 } } },
      '/properties/a~1b/minLength',
      /malformed/,
    ],
    [5, '', /not a schema/],
    [false, '', /no value/],
    [{ type: 'integer', minimum: 3, maximum: 2 }, '', /no value/],
    [{ type: 'object', properties: { a: { $ref: '#' } }, required: ['a'] }, '', /no value/],
  ];
  for (const [schema, pointer, message] of cases) {
    t.throws(() => compile({ kind: 'schema', schema }), { pointer, message }, JSON.stringify(schema));
  }
  t.throws(() => compile({ kind: 'regex', pattern: '' }), { message: /empty text/ });
  t.throws(() => compile({ kind: 'regex', pattern: '(?:a{1000}){1000}' }), { message: /too complex/ });
});
