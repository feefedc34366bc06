import type { ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import type { FastifyInstance } from 'fastify';

/** The state of an answer that is being written. */
interface Progress {
  /** Bytes that the system has taken, and those that wait to be taken, as one text. */
  readonly state: string;
  /** When that was first seen. */
  readonly since: number;
}

/**
 * Cuts off clients that have stopped to read: whose answer, in one piece or a stream, waits to be written and
 * gets no further. That ends the request as if the client had left.
 *
 * @param limit milliseconds without progress; up to a quarter more may pass.
 */
export function cutStalledReaders(app: FastifyInstance, limit: number): void {
  const open = new Map<ServerResponse, Progress | undefined>();

  app.server.on('request', (_request, response) => {
    open.set(response, undefined);
    response.once('close', () => open.delete(response));
  });

  const look = (): void => {
    const now = performance.now();
    for (const [response, last] of open) {
      const { socket } = response;
      const state = socket === null ? undefined : waiting(socket);
      if (state === undefined || state !== last?.state)
        open.set(response, state === undefined ? undefined : { state, since: now });
      else if (now - last.since >= limit) {
        app.log.warn('a client that does not read its answer was cut off');
        socket!.destroy();
      }
    }
  };
  const timer = setInterval(look, Math.min(limit / 4, 5000));
  timer.unref();
  app.addHook('onClose', async () => clearInterval(timer));
}

/** @returns bytes that the system was given and has not sent, as one text; undefined where nothing waits. */
function waiting(socket: Socket): string | undefined {
  if (socket.writableLength === 0) return undefined;
  // Node's own timeouts look there, too: `bytesWritten` counts a large piece as soon as its writing begins.
  const { _handle: handle } = socket as { _handle?: { readonly writeQueueSize?: number } | null };
  return `${socket.bytesWritten} ${handle?.writeQueueSize ?? 0}`;
}
