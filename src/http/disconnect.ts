import type { FastifyReply } from 'fastify';

/**
 * A signal that aborts when the client leaves before its answer is complete.
 *
 * Fastify's `request.signal` cannot be used: it goes by the request's `close` event, which Node emits as soon as a body was read.
 */
export function clientGone({ raw }: FastifyReply): AbortSignal {
  const controller = new AbortController();
  const onClose = (): void => {
    if (!raw.writableFinished) controller.abort();
  };
  if (raw.destroyed) onClose();
  else raw.once('close', onClose);
  return controller.signal;
}
