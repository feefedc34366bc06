import type { FastifyInstance } from 'fastify';
import type { Watchdog } from '#registry/watchdog.js';
import { scopeOf, whenDone } from './request-scope.js';

/** Tells the watchdog how the requests of each model end. */
export function watchRequests(app: FastifyInstance, watchdog: Watchdog): void {
  app.addHook('preHandler', async (_request, reply) => {
    const scope = scopeOf(reply);
    whenDone(reply, () => {
      const { model, failure } = scope;
      if (model === undefined) return;
      // Refusals and clients that leave say nothing about the runtime.
      if (failure?.status === 500) watchdog.failed(model, performance.now());
      else if (failure === undefined && reply.raw.writableFinished)
        watchdog.succeeded(model, performance.now());
    });
  });
}
