import { Type, type TSchema } from '@fastify/type-provider-typebox';
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
