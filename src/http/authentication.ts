import { createHash, timingSafeEqual } from 'node:crypto';
import type { FastifyInstance } from 'fastify';
import { errorBody } from './errors.js';

/** What needs no key: what load balancers ask, and what describes the API. */
const PUBLIC = /^\/(health|docs)(\/|$)|^\/openapi\.(json|yaml)$/;

/** Requires `authorization: Bearer <key>` for everything but {@link PUBLIC}, unknown addresses included. */
export function requireApiKey(app: FastifyInstance, key: string): void {
  const expected = digest(key);
  app.addHook('onRequest', async (request, reply) => {
    // The route's own pattern: the address as sent could be `/%761`, which is routed as `/v1`.
    if (PUBLIC.test(request.routeOptions.url ?? '')) return;
    const given = /^Bearer +(.+)$/i.exec(request.headers.authorization ?? '')?.[1] ?? '';
    if (timingSafeEqual(digest(given), expected)) return;
    return reply
      .code(401)
      .header('www-authenticate', 'Bearer')
      .send(
        errorBody(
          'authentication_error',
          'the API key is missing or wrong; send it as authorization: Bearer KEY',
          {
            code: 'invalid_api_key',
          },
        ),
      );
  });
}

/** Of one length for all keys, which a comparison in constant time needs. */
function digest(key: string): Buffer {
  return createHash('sha256').update(key).digest();
}
