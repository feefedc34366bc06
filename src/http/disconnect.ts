import type { FastifyReply } from 'fastify';
import { scopeOf } from './request-scope.js';

/** A signal that aborts when the client leaves before its answer is complete, or when the time for it is over. */
export function clientGone(reply: FastifyReply): AbortSignal {
  return scopeOf(reply).signal;
}
