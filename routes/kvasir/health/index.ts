import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox';
import { errorBody } from '#http/errors/errors.js';
import type { RouteOptions } from '#http/route-options.js';
import { liveSchema, readySchema } from './schema.js';

const health: FastifyPluginAsyncTypebox<RouteOptions> = async (app, { registry, watchdog }) => {
  app.get('/live', { schema: liveSchema }, async (_request, reply) => {
    const fault = watchdog.fault(performance.now());
    if (fault === undefined) return { status: 'live' };
    return reply.code(503).send(errorBody('server_error', fault, { code: 'not_live' }));
  });

  app.get('/ready', { schema: readySchema }, async (_request, reply) => {
    const models = registry.entries().map(({ id }) => id);
    if (models.length > 0) return { status: 'ready', models };
    return reply.code(503).send(errorBody('server_error', 'no model is served', { code: 'no_model' }));
  });
};

export default health;
