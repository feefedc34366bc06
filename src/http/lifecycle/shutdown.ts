import type { ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import type { FastifyInstance } from 'fastify';
import { KvasirError } from '#errors.js';

/** What is answered while the server closes: probes and scrapers see it through. */
const OPEN_WHILE_CLOSING = new Set(['/health/live', '/v2/health/live', '/metrics']);

export interface ShutdownOptions {
  /** Ends what runs; resolves when it has. */
  readonly release: () => Promise<void>;
  /** Milliseconds that running requests have to come to their end by themselves. */
  readonly drain: number;
  /** Milliseconds for the last answers to be read, before the remaining connections are cut. */
  readonly grace: number;
}

/**
 * The order of closing: new requests are refused, running ones may go on for a while, `release` ends the rest
 * and frees the models, and each connection closes as its last answer is sent. Node alone would keep
 * connections that have not sent a request yet, or wait for another one, until they time out.
 */
export function closeInOrder(app: FastifyInstance, { release, drain, grace }: ShutdownOptions): void {
  const connections = new Set<Socket>();
  /** Answers that are not complete. */
  const open = new Map<ServerResponse, Socket>();
  let closing = false;
  let onDrained: (() => void) | undefined;
  let deadline: NodeJS.Timeout | undefined;

  app.server.on('connection', socket => {
    connections.add(socket);
    socket.once('close', () => connections.delete(socket));
  });
  app.server.on('request', ({ socket }, response) => {
    open.set(response, socket);
    response.once('close', () => {
      open.delete(response);
      if (closing) socket.destroySoon();
      if (open.size === 0) onDrained?.();
    });
  });

  app.addHook('onRequest', async request => {
    if (closing && !OPEN_WHILE_CLOSING.has(request.routeOptions.url ?? '')) {
      throw new KvasirError('shutting_down', 'the server is shutting down');
    }
  });

  app.addHook('preClose', async () => {
    closing = true;
    if (open.size > 0 && drain > 0) {
      await new Promise<void>(resolve => {
        onDrained = resolve;
        deadline = setTimeout(resolve, drain);
      });
      clearTimeout(deadline);
    }
    await release();
    const busy = new Set(open.values());
    for (const socket of connections) if (!busy.has(socket)) socket.destroySoon();
    deadline = setTimeout(() => app.server.closeAllConnections(), grace);
  });

  app.addHook('onClose', async () => clearTimeout(deadline));
}
