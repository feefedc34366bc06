import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox';
import { errorBody } from '../../src/http/errors.js';
import type { RouteOptions } from '../../src/http/route-options.js';
import { liveSchema, readySchema } from './schema.js';

const health: FastifyPluginAsyncTypebox<RouteOptions> = async (app, { registry }) => {
  app.get('/live', { schema: liveSchema }, async () => ({ status: 'live' }));

  app.get('/ready', { schema: readySchema }, async (_request, reply) => {
    const models = registry.list().map(model => model.id);
    if (models.length > 0) return { status: 'ready', models };
    return reply.code(503).send(errorBody('server_error', 'no model is loaded', { code: 'no_model' }));
  });
};

export default health;
