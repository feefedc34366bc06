import type { Socket } from 'node:net';
import type { FastifyInstance } from 'fastify';
import { KvasirError } from '#errors.js';
import { network } from '../security/addresses.js';
import { refuseConnection } from '../errors/error-handling.js';

/** Most connections at once. */
export interface ConnectionLimits {
  readonly all: number;
  /** From one address; of IPv6, from one network of 64 bits. */
  readonly each: number;
  /** Addresses that may have as many as there are: proxies, behind which many clients are. */
  readonly isProxy: (address: string) => boolean;
}

/** Answers connections beyond a limit with 503, and closes them. */
export function limitConnections(app: FastifyInstance, { all, each, isProxy }: ConnectionLimits): void {
  const refused = new WeakSet<Socket>();
  let total = 0;
  const byNetwork = new Map<string, number>();

  app.server.on('connection', (socket: Socket) => {
    const { remoteAddress = '' } = socket;
    const key = network(remoteAddress);
    const own = (byNetwork.get(key) ?? 0) + 1;
    if (total >= all || (own > each && !isProxy(remoteAddress))) {
      refused.add(socket);
      refuseConnection(socket);
      return;
    }
    total++;
    byNetwork.set(key, own);
    socket.once('close', () => {
      total--;
      const left = byNetwork.get(key)! - 1;
      if (left > 0) byNetwork.set(key, left);
      else byNetwork.delete(key);
    });
  });

  // One that came in before the connection was closed.
  app.addHook('onRequest', async ({ raw }) => {
    if (refused.has(raw.socket)) throw new KvasirError('overloaded', 'there are too many connections');
  });
}
