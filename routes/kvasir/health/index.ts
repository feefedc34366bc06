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
    const refuse = (message: string, code: string) =>
      reply.code(503).send(errorBody('server_error', message, { code }));
    const named = (failed: boolean): string[] =>
      registry.entries().flatMap(({ id, state }) => ((state === 'failed') === failed ? id : []));
    const [models, failed] = [named(false), named(true)];
    if (registry.starting) return refuse('models are being loaded', 'loading');
    if (models.length > 0) return { status: 'ready', models, ...(failed.length > 0 && { failed }) };
    return refuse(
      failed.length > 0 ? `no model can be loaded: ${failed.join(', ')}` : 'no model is served',
      'no_model',
    );
  });
};

export default health;
