import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox';
import type { RouteOptions } from '#http/route-options.js';
import { metricsSchema, schemas, slotsSchema } from './schema.js';

const metrics: FastifyPluginAsyncTypebox<RouteOptions> = async (app, { metrics, registry }) => {
  for (const schema of schemas) app.addSchema(schema);

  app.get('', { schema: metricsSchema }, async (_request, reply) =>
    reply.type(metrics.contentType).send(await metrics.read()),
  );

  app.get('/slots', { schema: slotsSchema }, async () => ({
    object: 'list',
    data: registry.loaded().flatMap(({ id, engine }) => {
      if (engine === undefined) return [];
      const { contextLength, sourceLength = 0 } = engine;
      return { model: id, context_length: sourceLength + contextLength, slots: [...engine.occupancy()] };
    }),
  }));
};

export default metrics;
