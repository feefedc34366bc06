import type { Socket } from 'node:net';
import type { FastifyInstance } from 'fastify';
import { KvasirError } from '../errors.js';

/**
 * The order of closing: new requests are refused, `release` ends the running ones and frees the models, and each connection closes as its
 * last answer is sent. Node alone would keep connections that have not sent a request yet, or wait for another one, until they time out.
 *
 * @param release ends what runs; resolves when it has.
 * @param grace milliseconds for the last answers to be read, before the remaining connections are cut.
 */
export function closeInOrder(app: FastifyInstance, release: () => Promise<void>, grace: number): void {
  const connections = new Set<Socket>();
  /** Connections with a request that is not answered yet. */
  const busy = new Set<Socket>();
  let closing = false;
  let deadline: NodeJS.Timeout | undefined;

  app.server.on('connection', socket => {
    connections.add(socket);
    socket.once('close', () => connections.delete(socket));
  });
  app.server.on('request', ({ socket }, response) => {
    busy.add(socket);
    response.once('close', () => {
      busy.delete(socket);
      if (closing) socket.destroySoon();
    });
  });

  app.addHook('onRequest', async request => {
    if (closing && request.url !== '/health/live') {
      throw new KvasirError('shutting_down', 'the server is shutting down');
    }
  });

  app.addHook('preClose', async () => {
    closing = true;
    await release();
    for (const socket of connections) if (!busy.has(socket)) socket.destroySoon();
    deadline = setTimeout(() => app.server.closeAllConnections(), grace);
  });

  app.addHook('onClose', async () => clearTimeout(deadline));
}
