import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox';
import type { RouteOptions } from '../../src/http/route-options.js';
import { metricsSchema } from './schema.js';

const metrics: FastifyPluginAsyncTypebox<RouteOptions> = async (app, { metrics }) => {
  app.get('', { schema: metricsSchema }, async (_request, reply) =>
    reply.type(metrics.contentType).send(await metrics.read()),
  );
};

export default metrics;
