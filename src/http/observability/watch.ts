import type { FastifyInstance } from 'fastify';
import type { Watchdog } from '#registry/watchdog.js';

/**
 * Tells the watchdog how the requests of each model end. Only what the runtime or the weights did counts:
 * refusals, clients that leave, and errors of the code around the model say nothing about it.
 */
export function watchRequests(app: FastifyInstance, watchdog: Watchdog): void {
  app.addHook('preHandler', async ({ scope, log }) => {
    scope.whenDone(() => {
      const { model, failure } = scope;
      if (model === undefined) return;
      const now = performance.now();
      const code = failure?.body.error.code;
      if (code === 'runtime_failure') watchdog.failed(model, now);
      else if (code === 'broken_model' && watchdog.broke(model))
        log.error({ model: model.id }, 'model broken: it gives numbers that are not finite');
      else if (failure === undefined && scope.answered) watchdog.succeeded(model, now);
    });
  });
}
