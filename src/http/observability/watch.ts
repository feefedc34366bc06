import type { FastifyInstance } from 'fastify';
import type { Watchdog } from '#registry/watchdog.js';

/** Tells the watchdog how the requests of each model end. */
export function watchRequests(app: FastifyInstance, watchdog: Watchdog): void {
  app.addHook('preHandler', async ({ scope }) => {
    scope.whenDone(() => {
      const { model, failure } = scope;
      if (model === undefined) return;
      // Refusals and clients that leave say nothing about the runtime.
      if (failure?.status === 500) watchdog.failed(model, performance.now());
      else if (failure === undefined && scope.answered) watchdog.succeeded(model, performance.now());
    });
  });
}
