import t from 'tap';
import { openApiDocument } from '#server.js';
import { fastify } from 'fastify';
import { Type } from 'typebox';
import { mapOf } from '#http/schemas/map-of.js';

t.test('no schema describes the keys of a map by a pattern, which would lose some of them', async t => {
  t.notMatch(await openApiDocument(), /patternProperties/);
});

t.test('a map is written with keys of every kind', async t => {
  const app = fastify();
  t.teardown(() => app.close());
  const map = Object.fromEntries(
    ['', '\n', 'a\r\nb', '\u0000', '"', '\\', '\u2028', '\u2029', '😀', '\ud83d', 'constructor'].map(
      (key, index) => [key, index],
    ),
  );
  app.get('/', { schema: { response: { 200: Type.Object({ map: mapOf(Type.Number()) }) } } }, async () => ({
    map,
  }));
  t.strictSame((await app.inject('/')).json<{ map: object }>().map, map);
});

t.test('the values of a map are checked, whatever their keys', async t => {
  const app = fastify({ ajv: { customOptions: { coerceTypes: false } } });
  t.teardown(() => app.close());
  app.post('/', { schema: { body: mapOf(Type.Number()) } }, async () => 'taken');
  for (const key of ['a', '\n', ''])
    t.equal((await app.inject({ method: 'POST', url: '/', payload: { [key]: 'x' } })).statusCode, 400);
});
