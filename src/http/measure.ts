import type { FastifyInstance } from 'fastify';
import { scopeOf, whenDone } from './request-scope.js';
import type { Metrics } from '#metrics/metrics.js';

/** Counts and times every request. */
export function measureRequests(app: FastifyInstance, metrics: Metrics): void {
  app.addHook('onRequest', async (request, reply) => {
    const scope = scopeOf(reply);
    scope.observers.push({
      onTokens: (tokens, seconds, first) => {
        if (scope.model !== undefined) metrics.tokens(scope.model.id, tokens, seconds, first);
      },
      onEnd: sequence => {
        if (scope.model !== undefined) metrics.ended(scope.model.id, sequence);
      },
    });
    whenDone(reply, () => {
      const status = reply.raw.writableFinished ? reply.statusCode : 499;
      const handler = request.routeOptions.url ?? 'none';
      metrics.request(handler, request.method, status, reply.elapsedTime / 1000);
    });
  });
}
