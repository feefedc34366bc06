import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox';
import { errorBody } from '#http/errors/errors.js';
import type { ServedEntry } from '#registry/types.js';
import type { RouteOptions } from '#http/route-options.js';
import { notReady } from '#http/ready.js';
import { liveSchema, readySchema } from './schema.js';

const health: FastifyPluginAsyncTypebox<RouteOptions> = async (app, { registry, watchdog }) => {
  app.get('/live', { schema: liveSchema }, async (_request, reply) => {
    const fault = watchdog.fault(performance.now());
    if (fault === undefined) return { status: 'live' };
    return reply.code(503).send(errorBody('server_error', fault, { code: 'not_live' }));
  });

  app.get('/ready', { schema: readySchema }, async (_request, reply) => {
    const fault = notReady(registry, watchdog);
    if (fault !== undefined)
      return reply.code(503).send(errorBody('server_error', fault.message, { code: fault.code }));
    const named = (which: (entry: ServedEntry) => boolean): string[] =>
      registry
        .entries()
        .filter(which)
        .map(({ id }) => id);
    const failed = named(({ state }) => state === 'failed');
    const broken = named(({ model }) => watchdog.broken(model) !== 'no');
    return {
      status: 'ready',
      models: named(({ state }) => state !== 'failed'),
      ...(failed.length > 0 && { failed }),
      ...(broken.length > 0 && { broken }),
    };
  });
};

export default health;
