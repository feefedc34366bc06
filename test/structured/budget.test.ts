import t from 'tap';
import { Budget, checkSize, compile, LIMITS, Refusal, type Structure } from '#structured/index.js';
import { keyOf, StructureCache } from '#structured/cache.js';
import { firstFrame, step } from '#structured/frames.js';
import { TokenMasks } from '#structured/token-masks.js';
import { vocabularyOf } from '#structured/vocabulary.js';
import { byteLevelTokenizer } from '#test/support/tiny-tokenizers.js';

const bytes = new Set(Array.from({ length: 256 }, (_, byte) => byte));
const list = <T>(length: number, make: (index: number) => T): T[] =>
  Array.from({ length }, (_, i) => make(i));
const members = (length: number, make: (index: number) => [string, unknown]): object =>
  Object.fromEntries(list(length, make));
const schema = (value: unknown): Structure => ({ kind: 'schema', schema: value });
const regex = (pattern: string): Structure => ({ kind: 'regex', pattern });
const nested = (open: string, close: string, depth: number): unknown =>
  JSON.parse(`${open.repeat(depth)}{}${close.repeat(depth)}`);

function doubling(depth: number, keyword: string): Structure {
  const branches = (next: number): object[] => list(2, () => ({ $ref: `#/$defs/d${next}` }));
  const $defs = members(depth, i => [`d${i}`, { [keyword]: branches(i + 1) }]);
  return schema({ $ref: '#/$defs/d0', $defs: { ...$defs, [`d${depth}`]: { type: 'string' } } });
}

/** Steps that were paid for, and what came out. */
function spent(structure: Structure): { steps: number; result: ReturnType<typeof compile> } {
  const budget = new Budget();
  try {
    keyOf(structure);
  } catch (error) {
    return { steps: 0, result: error as Refusal };
  }
  return { result: compile(structure, bytes, budget), steps: budget.spent };
}

const ACCEPTED: Readonly<Record<string, Structure>> = {
  'references that double in allOf': doubling(30, 'allOf'),
  'a union of 50 objects': schema({
    oneOf: list(50, i => ({ type: 'object', properties: { kind: { const: `k${i}` } }, required: ['kind'] })),
  }),
  'an enum of 4096 texts': schema({ enum: list(4096, i => `x${i}`) }),
  '4096 choices': { kind: 'choice', choices: list(4096, i => `choice ${i}`) },
  'nested repetitions without end': regex('(((((a*)*)*)*)*)*b'),
  'lists 60 deep': schema(nested('{"type":"array","items":', '}', 60)),
  'a recursive union that its second property tells apart': schema({
    oneOf: ['a', 'b'].map(kind => ({
      type: 'object',
      properties: { next: { anyOf: [{ type: 'null' }, { $ref: '#' }] }, kind: { const: kind } },
      required: ['next', 'kind'],
    })),
  }),
};

const REFUSED: Readonly<Record<string, Structure>> = {
  'many ranges before many parts that may be missing': regex('\\p{L}(x?){16000}'),
  'a long optional text': regex('.{0,5000}'),
  'an enum of 100,000 texts': schema({ enum: list(100_000, i => `x${i}`) }),
  'lists 60,000 deep': schema(nested('{"type":"array","items":', '}', 60_000)),
  'objects 60,000 deep': schema(nested('{"properties":{"a":', '}}', 60_000)),
  'references that double in anyOf': doubling(30, 'anyOf'),
  'references that double in oneOf': doubling(30, 'oneOf'),
  'a long chain of references': schema({
    $ref: '#/$defs/a0',
    $defs: members(1000, i => [`a${i}`, { $ref: `#/$defs/a${(i + 1) % 1000}` }]),
  }),
  'properties times patterns': schema({
    type: 'object',
    properties: members(2000, i => [`p${i}`, true]),
    patternProperties: members(2000, i => [`^q${i}`, true]),
  }),
  'a long prefix': schema({ type: 'array', prefixItems: list(4000, () => ({ type: 'string' })) }),
  'nested repetitions with limits': regex('(?:(?:(?:a?){50}){50}){50}'),
  'many parts that may be missing': regex('(?:a?b?c?d?){300}'),
  'a large class, often': regex(`[${list(4000, i => String.fromCodePoint(0x100 + 3 * i)).join('')}]{1,500}`),
  'many Unicode properties': regex(list(400, i => `\\p{L}\\p{Script=${i % 2 ? 'Cham' : 'Lao'}}`).join('?')),
  'exponentially many states': regex('.*a.{12}'),
  'a long name in many pointers': schema({
    properties: { ['y'.repeat(50_000)]: { properties: members(1000, i => [`p${i}`, { type: 'object' }]) } },
  }),
  'one enum in many properties': schema({
    properties: members(1000, i => [`p${i}`, { $ref: '#/$defs/e' }]),
    $defs: { e: { enum: list(200, i => `x${i}`) } },
  }),
};

for (const [name, structure] of Object.entries(ACCEPTED))
  t.test(`${name}: accepted within the budget`, async t => {
    const { result, steps } = spent(structure);
    t.notOk(result instanceof Refusal, result instanceof Refusal ? result.message : '');
    t.ok(steps > 0 && steps <= LIMITS.work / 2, `${steps} steps`);
    t.equal(spent(structure).steps, steps, 'the same each time');
  });

for (const [name, structure] of Object.entries(REFUSED))
  t.test(`${name}: refused within the budget`, async t => {
    const { result, steps } = spent(structure);
    t.type(result, Refusal);
    // The charge that is refused is not spent, and is no larger than a structure.
    t.ok(steps <= LIMITS.work + LIMITS.characters * 16, `${steps} steps`);
  });

t.test('a refusal costs the same each time, whatever was kept', async t => {
  const structure = REFUSED['many Unicode properties']!;
  t.equal(spent(structure).steps, spent(structure).steps);
});

t.test('doubling references cost no more than their number', async t => {
  const [small, large] = [spent(doubling(20, 'allOf')).steps, spent(doubling(40, 'allOf')).steps];
  t.ok(large < 4 * small, `${small} steps, then ${large}`);
});

t.test('sizes are refused with their place', async t => {
  const cases: [value: unknown, pointer: string, message: RegExp][] = [
    [{ a: list(4097, () => 0) }, '/a', /4097 members/],
    [members(4097, i => [`k${i}`, 0]), '', /4097 members/],
    [nested('{"a":', '}', 129), `${'/a'.repeat(129)}`, /deeper/],
    ['x'.repeat(LIMITS.characters + 1), '', /characters/],
    [list(5, () => list(4096, () => ({}))), '', /objects/],
  ];
  for (const [value, pointer, message] of cases) t.throws(() => checkSize(value), { pointer, message });
  t.doesNotThrow(() => checkSize(nested('{"a":', '}', 128)));
});

t.test('a refusal is kept', async t => {
  const cache = new StructureCache(vocabularyOf(byteLevelTokenizer()));
  const refusal = new Refusal('/a', 'is not supported');
  const key = keyOf(schema({ a: 1 }));
  t.equal(cache.get(key), undefined);
  t.throws(() => cache.add(key, refusal), refusal);
  t.throws(() => cache.get(key), refusal);
  t.equal(cache.get(keyOf(schema({ a: 2 }))), undefined);
});

t.test('a step looks at a bounded number of tokens in all open alternatives', async t => {
  const vocabulary = vocabularyOf(byteLevelTokenizer());
  const nodes = vocabulary.trie.bytes.length;
  const after = (alternatives: number, text: (i: number) => object): (() => number) => {
    const branches = list(alternatives, i => ({
      type: 'object',
      properties: { x: text(i), [`k${i}`]: { type: 'null' } },
      required: ['x', `k${i}`],
    }));
    const grammar = compile(schema({ anyOf: branches }), bytes, new Budget());
    if (grammar instanceof Refusal) throw grammar;
    const frames = [...Buffer.from('{"x":"')].reduce(
      (open, byte) => step(grammar, open, byte),
      [firstFrame(grammar)],
    );
    const masks = new TokenMasks(grammar, vocabulary, 4 * nodes);
    return () => masks.allow(frames);
  };
  const limited = (i: number): object => ({ type: 'string', minLength: i + 1 });
  t.doesNotThrow(after(1, limited));
  t.doesNotThrow(
    after(40, () => ({ type: 'string' })),
    'any string is one alternative',
  );
  t.throws(after(40, limited), { code: 'invalid_request', message: /alternatives/ });
});
