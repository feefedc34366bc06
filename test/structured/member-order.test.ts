import fc from 'fast-check';
import t from 'tap';
import { seededRandom } from '#test/support/seeded-random.js';
import { compileStructure } from '#structured/index.js';
import { runs } from '#test/support/property-runs.js';
import { sample } from '#test/support/random-sampling.js';
import { faultOf } from '#test/support/schema-validator.js';
import { byteLevelTokenizer } from '#test/support/tiny-tokenizers.js';
import { refusedPart, tokenizerOfPieces } from '#test/support/token-walk.js';

function isWritable(schema: object, text: string): boolean {
  const random = seededRandom(1);
  const tokenizer = tokenizerOfPieces(text, random);
  const constraint = compileStructure({ kind: 'schema', schema }, tokenizer)();
  return refusedPart(constraint, tokenizer, text, random) === undefined;
}

const integer = { type: 'integer' };
const lines = {
  type: 'object',
  properties: { path: { type: 'string' }, start_line: integer, end_line: integer },
  required: ['path'],
};

t.test('optional properties come in any order, before required ones and after them', async t => {
  for (const text of [
    '{"path":"a"}',
    '{"path":"a","start_line":5,"end_line":9}',
    '{"start_line": 5, "end_line": 9, "path": "a"}',
    '{"end_line":9,"path":"a","start_line":5}',
    '{\n  "end_line": 9,\n  "start_line": 5,\n  "path": "a"\n}',
  ])
    t.ok(isWritable(lines, text), text);
  for (const text of [
    '{}',
    '{"start_line":5}',
    '{"start_line":5,"end_line":9}',
    '{"path":"a","path":"b"}',
    '{"path":"a","start_line":1,"start_line":2}',
    '{"path":"a","start_line":1,"end_line":2,}',
    '{"path":"a",}',
    '{,"path":"a"}',
    '{"start_line":5 }',
    '{"start_line":5\n}',
  ])
    t.notOk(isWritable(lines, text), text);
});

t.test('members that have no name of their own follow the required ones', async t => {
  const schema = { ...lines, additionalProperties: { type: 'boolean' } };
  t.ok(isWritable(schema, '{"path":"a","x":true,"end_line":1,"y":false,"start_line":2}'));
  t.ok(isWritable(schema, '{"end_line":1,"path":"a","x":true}'));
  t.notOk(isWritable(schema, '{"x":true,"path":"a"}'));
  t.ok(isWritable({ ...schema, required: [] }, '{"x":true,"path":"a"}'));
  t.notOk(isWritable(schema, '{"path":"a","end_line":true}'));
});

t.test('names that begin alike, values that may go on, objects within objects', async t => {
  const inner = { type: 'object', properties: { a: integer, ab: integer, abc: { type: 'number' } } };
  const schema = { type: 'object', properties: { o: inner, list: { type: 'array', items: inner }, n: {} } };
  for (const text of [
    '{"n":1,"list":[{"abc":1.5,"a":2},{"ab":1,"abc":1e3,"a":7}],"o":{"ab":1,"a":2}}',
    '{"o":{},"n":{"any":[1]},"list":[]}',
  ])
    t.ok(isWritable(schema, text), text);
  t.notOk(isWritable(schema, '{"o":{"a":1,"ab":1,"a":2}}'));
});

t.test('objects of a union, and those whose members are counted, keep the order of the schema', async t => {
  const kind = (name: string): object => ({
    type: 'object',
    properties: { kind: { const: name }, a: integer },
  });
  const union = { anyOf: [kind('x'), kind('y')] };
  t.ok(isWritable(union, '{"kind":"y","a":1}'));
  t.notOk(isWritable(union, '{"a":1,"kind":"y"}'));
  t.ok(isWritable({ anyOf: [kind('x'), { type: 'null' }] }, '{"a":1,"kind":"x"}'), 'null is no object');
  t.notOk(isWritable({ ...lines, maxProperties: 2 }, '{"start_line":1,"path":"a"}'));
  const many = Object.fromEntries(Array.from({ length: 31 }, (_, i) => [`p${i}`, integer]));
  t.notOk(isWritable({ type: 'object', properties: many }, '{"p1":1,"p0":1}'));
  delete many.p30;
  t.ok(isWritable({ type: 'object', properties: many }, '{"p29":1,"p1":1,"p0":1}'));
});

t.test('properties that can have no value are not begun', async t => {
  const schema = { type: 'object', properties: { a: integer, no: false, b: integer }, required: ['a'] };
  t.ok(isWritable(schema, '{"b":1,"a":1}'));
  t.notOk(isWritable(schema, '{"no":1,"a":1}'));
  t.throws(() => isWritable({ ...schema, required: ['no'] }, '{}'), { message: /no value/ });
  const endless = { type: 'object', properties: { next: { $ref: '#' }, a: integer }, required: ['next'] };
  t.throws(() => isWritable(endless, '{}'), { message: /no value/ });
});

t.test(
  'objects of random properties are brought to their end within the most tokens, whatever comes first',
  async () => {
    const tokenizer = byteLevelTokenizer();
    const property = fc.record({
      name: fc.constantFrom('a', 'ab', 'abc', 'b', 'bc', 'long name'),
      required: fc.boolean(),
      value: fc.constantFrom<object>(integer, { type: 'string', minLength: 3 }, { const: null }, lines),
    });
    const properties = fc.uniqueArray(property, { selector: ({ name }) => name, minLength: 2, maxLength: 6 });
    fc.assert(
      fc.property(
        properties,
        fc.boolean(),
        fc.nat(),
        fc.constantFrom(140, 600),
        (list, open, seed, maxTokens) => {
          const schema = {
            type: 'object',
            properties: Object.fromEntries(list.map(({ name, value }) => [name, value])),
            required: list.filter(({ required }) => required).map(({ name }) => name),
            additionalProperties: open && integer,
          };
          const constraint = compileStructure({ kind: 'schema', schema }, tokenizer)();
          const { text, whole } = sample(constraint, tokenizer, 2, { seed, maxTokens });
          if (!whole) throw new Error(`not brought to its end: ${text}`);
          const fault = faultOf(JSON.parse(text), schema);
          if (fault !== undefined) throw new Error(`${text}: ${fault}`);
        },
      ),
      runs(30),
    );
  },
);
