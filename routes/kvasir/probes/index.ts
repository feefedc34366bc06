import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox';
import { errorBody } from '#http/errors/errors.js';
import type { RouteOptions } from '#http/route-options.js';
import { notReady } from '#http/ready.js';
import { healthSchema, pingSchema, versionSchema } from './schema.js';

/** The addresses by which other servers' charts, hosts and test suites ask whether a server works. */
const probes: FastifyPluginAsyncTypebox<RouteOptions> = async (app, { registry, watchdog, version }) => {
  const PROBES = [
    { method: 'GET', url: '/health', schema: healthSchema },
    { method: 'GET', url: '/v1/health', schema: { hide: true } },
    { method: 'GET', url: '/ping', schema: pingSchema },
    { method: 'POST', url: '/ping', schema: { hide: true } },
  ];
  for (const { method, url, schema } of PROBES)
    app.route({
      method,
      url,
      schema,
      handler: async (_request, reply) => {
        const fault = whyNot();
        if (fault === undefined) return { status: 'ok' };
        return reply.code(503).send(errorBody('server_error', fault.message, { code: fault.code }));
      },
    });

  app.get('/version', { schema: versionSchema }, async () => ({ version }));

  /** Why requests are not served, if so: what `/health/live` or `/health/ready` would say. */
  function whyNot(): { readonly code: string; readonly message: string } | undefined {
    const message = watchdog.fault(performance.now());
    return message === undefined ? notReady(registry, watchdog) : { code: 'not_live', message };
  }
};

export default probes;
