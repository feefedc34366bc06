import type { FastifyInstance, FastifyRequest } from 'fastify';
import { KvasirError } from '#errors.js';
import type { ModelRegistry } from '#registry/types.js';
import { scopeOf, whenDone } from './request-scope.js';
import { Traffic } from './traffic.js';

/**
 * Loads the model that a request names before its handler runs, and keeps it until the answer is complete: handlers find it with
 * `registry.get`. It is named by the `model` of the address, or else of the body, of a POST request.
 */
export function leaseModels(app: FastifyInstance, registry: ModelRegistry): void {
  const traffic = new Map<string, Traffic>();

  app.addHook('preHandler', async (request, reply) => {
    const name = modelName(request);
    if (name === undefined) return;
    const { id } = registry.entry(name);
    const scope = scopeOf(reply);
    const own = traffic.get(id) ?? new Traffic();
    traffic.set(id, own);
    own.begin(performance.now());
    scope.retryAfter = () => own.secondsToDrain(performance.now());
    const lease = registry.acquire(id);
    whenDone(reply, () => {
      own.end(reply.raw.writableFinished && scope.failure === undefined, performance.now());
      lease.then(
        held => held.release(),
        () => undefined,
      );
    });
    const { model } = await unlessAborted(lease, scope.signal);
    scope.model = model;
  });
}

function modelName({ method, body, params }: FastifyRequest): string | undefined {
  if (method !== 'POST') return undefined;
  for (const fields of [params, body]) {
    const { model } = Object(fields) as { model?: unknown };
    if (typeof model === 'string') return model;
  }
  return undefined;
}

/** The load goes on: others may wait for it, or come soon. */
async function unlessAborted<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  let onAbort: (() => void) | undefined;
  const aborted = new Promise<never>((_, reject) => {
    onAbort = () => reject(new KvasirError('cancelled', 'the request was cancelled'));
    if (signal.aborted) onAbort();
    else signal.addEventListener('abort', onAbort, { once: true });
  });
  try {
    return await Promise.race([promise, aborted]);
  } finally {
    signal.removeEventListener('abort', onAbort!);
  }
}
