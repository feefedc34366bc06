import type { FastifyInstance } from 'fastify';
import type { Metrics } from '#metrics/metrics.js';

/** Counts and times every request. */
export function measureRequests(app: FastifyInstance, metrics: Metrics): void {
  app.addHook('onRequest', async (request, reply) => {
    const { scope } = request;
    scope.observers.push({
      onTokens: (tokens, seconds, first) => {
        if (scope.model !== undefined) metrics.tokens(scope.model.id, tokens, seconds, first);
      },
      onEnd: sequence => {
        if (scope.model !== undefined) metrics.ended(scope.model.id, sequence);
      },
    });
    scope.whenDone(() => {
      const status = scope.answered ? reply.statusCode : 499;
      const handler = request.routeOptions.url ?? 'none';
      metrics.request(handler, request.method, status, reply.elapsedTime / 1000);
    });
  });
}
