import { Type, type TSchema } from 'typebox';
import fastify from 'fastify';
import t from 'tap';
import { nullable } from '#http/schemas/nullable.js';
import { AJV_OPTIONS, validationError } from '#http/errors/validation.js';

/** What is said of a body's field `x`. */
async function complaints(x: TSchema, ...values: unknown[]): Promise<(string | undefined)[]> {
  const app = fastify({ ajv: { customOptions: AJV_OPTIONS }, schemaErrorFormatter: validationError });
  app.post('/', { schema: { body: Type.Object({ x }) } }, async () => ({}));
  const complaints = [];
  for (const value of values) {
    const response = await app.inject({ method: 'POST', url: '/', payload: { x: value } });
    complaints.push(response.json<{ message?: string }>().message);
  }
  return complaints;
}

t.test('simple fields', async t => {
  t.strictSame(await complaints(Type.Integer({ minimum: 1 }), 1, 0, 1.5, '1', undefined), [
    undefined,
    'x must be >= 1',
    'x must be an integer',
    'x must be an integer',
    'x is required',
  ]);
  t.strictSame(await complaints(nullable(Type.Boolean()), null, undefined, true, 0), [
    undefined,
    undefined,
    undefined,
    'x must be a boolean or null',
  ]);
  t.strictSame(await complaints(Type.String({ enum: ['a', 'b'] }), 'c'), ['x must be one of "a", "b"']);
  t.strictSame(await complaints(Type.Literal('a'), 'c'), ['x must be "a"']);
  t.strictSame(await complaints(Type.String({ minLength: 2, maxLength: 3 }), 'a', 'abcd'), [
    'x must have at least 2 characters',
    'x must have at most 3 characters',
  ]);
  t.strictSame(await complaints(Type.Array(Type.String(), { minItems: 1, maxItems: 2 }), [], ['', '', '']), [
    'x must have at least 1 item',
    'x must have at most 2 items',
  ]);
});

t.test('places within objects and lists', async t => {
  const nested = Type.Object(
    { list: Type.Array(Type.Object({ 'a/b': Type.Number() })) },
    { additionalProperties: false },
  );
  t.strictSame(
    await complaints(
      nested,
      { list: [{ 'a/b': 1 }, {}] },
      { list: [{ 'a/b': '' }] },
      { list: [], more: 1 },
      5,
    ),
    [
      'x.list[1].a/b is required',
      'x.list[0].a/b must be a number',
      'x must not have a field "more"',
      'x must be an object',
    ],
  );
});

t.test('unions: the member that was meant speaks', async t => {
  const stop = nullable(
    Type.Union([Type.String({ minLength: 1 }), Type.Array(Type.String(), { maxItems: 2 })]),
  );
  t.strictSame(await complaints(stop, '', 5, ['a', 5], ['a', 'b', 'c']), [
    'x must have at least 1 character',
    'x must be a string, a list of strings or null',
    'x[1] must be a string',
    'x must have at most 2 items',
  ]);

  const ids = Type.Array(Type.Integer({ title: 'token id' }));
  t.strictSame(await complaints(Type.Union([ids, Type.Array(ids)]), ['a'], 'a'), [
    'x must be a list of token ids or a list of lists of token ids',
    'x must be a list of token ids or a list of lists of token ids',
  ]);

  const message = Type.Union([
    Type.Object({ role: Type.Literal('user'), content: Type.String() }),
    Type.Object({ role: Type.Literal('tool'), id: Type.String() }),
  ]);
  t.strictSame(
    await complaints(Type.Array(message), [{ role: 'tool', content: 'a' }], [{ role: 'user', content: 1 }]),
    ['x[0].id is required', 'x[0].content must be a string'],
  );
});

t.test('unions: limits, whatever else the value is not', async t => {
  const ids = Type.Array(Type.Integer({ minimum: 0, title: 'token id' }), { minItems: 1, maxItems: 4 });
  const texts = Type.Array(Type.String(), { minItems: 1, maxItems: 2 });
  const input = Type.Union([Type.String(), texts, ids, Type.Array(ids, { minItems: 1, maxItems: 2 })]);
  t.strictSame(
    await complaints(input, [], ['a', 'b', 'c'], [1, 2, 3, 4, 5], [[1], [2], [3]], [[]], [-1], [[-1]], [1.5]),
    [
      'x must have at least 1 item',
      'x must have at most 2 items',
      'x must have at most 4 items',
      'x must have at most 2 items',
      'x[0] must have at least 1 item',
      'x[0] must be >= 0',
      'x[0][0] must be >= 0',
      'x must be a string, a list of strings, a list of token ids or a list of lists of token ids',
    ],
  );
  const mixed = Type.Array(Type.Union([Type.String(), ids]), { maxItems: 2 });
  t.strictSame(
    await complaints(Type.Union([Type.String(), mixed]), ['a', [-1]], ['a', 5], ['a', [1], 'b'], 5),
    [
      'x[1][0] must be >= 0',
      'x[1] must be a string or a list of token ids',
      'x must have at most 2 items',
      'x must be a string or a list of strings or lists of token ids',
    ],
  );
});

t.test('unions: words, and objects that a constant field tells apart', async t => {
  const kind = (type: string) => Type.Object({ type: Type.Literal(type), name: Type.String() });
  const choice = nullable(
    Type.Union([Type.Literal('none'), Type.Literal('auto'), kind('function'), kind('custom')]),
  );
  t.strictSame(await complaints(choice, 'all', { type: 'x' }, { name: 'a' }, { type: 'custom' }, 5), [
    'x must be one of "none", "auto"',
    'x.type must be one of "function", "custom"',
    'x.type is required',
    'x.name is required',
    'x must be a string, an object or null',
  ]);
  t.strictSame(await complaints(Type.Union([Type.String(), kind('a')]), { type: 'b' }), [
    'x.type must be "a"',
  ]);
});

t.test('a body that is no object', async t => {
  const app = fastify({ ajv: { customOptions: AJV_OPTIONS }, schemaErrorFormatter: validationError });
  app.post('/', { schema: { body: Type.Object({}) } }, async () => ({}));
  const response = await app.inject({
    method: 'POST',
    url: '/',
    payload: '[]',
    headers: { 'content-type': 'application/json' },
  });
  t.match(response.json(), { message: 'the body must be an object', statusCode: 400 });
});

t.test('nothing is coerced, dropped or filled in', async t => {
  const app = fastify({ ajv: { customOptions: AJV_OPTIONS } });
  const body = Type.Object(
    { a: Type.Union([Type.String(), Type.Array(Type.Integer())]), b: nullable(Type.Number({ default: 1 })) },
    { additionalProperties: true },
  );
  app.post('/', { schema: { body } }, async request => request.body);
  for (const payload of [{ a: [5], b: null, c: 1 }, { a: '5' }]) {
    t.strictSame((await app.inject({ method: 'POST', url: '/', payload })).json(), payload);
  }
});
