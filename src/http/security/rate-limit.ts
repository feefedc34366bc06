import rateLimit from '@fastify/rate-limit';
import type { FastifyInstance } from 'fastify';
import { KvasirError } from '#errors.js';
import { isPublic } from './authentication.js';

/**
 * Limits the requests for what is not public.
 *
 * @param by whether each API key has its share, or each address (of IPv6, each network of 64 bits).
 */
export async function limitRate(
  app: FastifyInstance,
  perMinute: number,
  by: 'key' | 'address',
): Promise<void> {
  await app.register(rateLimit, {
    max: perMinute,
    timeWindow: 60_000,
    allowList: isPublic,
    ...(by === 'key' && { keyGenerator: request => request.scope.apiKey ?? request.ip }),
    errorResponseBuilder: (_request, { after }) =>
      new KvasirError(
        'rate_limit_exceeded',
        `there may be ${perMinute} requests a minute; try again in ${after}`,
      ),
  });
}
