import fastify from 'fastify';
import t from 'tap';
import { lazySchemas } from '#http/lazy-schemas.js';

t.test('bodies are checked and answers are written as by a compiler that does not wait', async t => {
  const eager = fastify({ ajv: { customOptions: { coerceTypes: false } } });
  const lazy = fastify({
    ajv: { customOptions: { coerceTypes: false } },
    schemaController: { compilersFactory: lazySchemas },
  });
  const number = { type: 'object', required: ['n'], properties: { n: { type: 'integer' } } };
  for (const app of [eager, lazy])
    app.post('/', { schema: { body: number, response: { 200: number } } }, async request => ({
      ...(request.body as object),
      more: true,
    }));
  for (const body of [{ n: 1 }, { n: 'one' }, {}, { n: 2, other: 3 }, { n: 1.5 }]) {
    const [one, other] = await Promise.all(
      [eager, lazy].map(app => app.inject({ method: 'POST', url: '/', payload: body })),
    );
    t.equal(other!.statusCode, one!.statusCode);
    t.equal(other!.body, one!.body);
  }
});

t.test('nothing is compiled before it is needed', async t => {
  const app = fastify({ schemaController: { compilersFactory: lazySchemas } });
  app.post('/', { schema: { body: { type: 'no such type' } } }, async () => 'never');
  await app.ready();
  t.equal((await app.inject({ method: 'POST', url: '/', payload: {} })).statusCode, 500);
});
