import { createHash, timingSafeEqual } from 'node:crypto';
import type { FastifyInstance } from 'fastify';
import { errorBody } from './errors.js';

/** Requires `authorization: Bearer <key>` for everything under `/v1`. */
export function requireApiKey(app: FastifyInstance, key: string): void {
  const expected = digest(key);
  app.addHook('onRequest', async (request, reply) => {
    if (!request.url.startsWith('/v1')) return;
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
