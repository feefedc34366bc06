import type { FastifyInstance, FastifyRequest } from 'fastify';
import { KvasirError } from '#errors.js';
import type { ApiKeys } from './api-keys.js';

declare module 'fastify' {
  interface FastifyContextConfig {
    /** The route needs no API key and has no rate limit. */
    readonly public?: boolean;
  }
}

const PUBLIC = /^\/(health|v2\/health|metrics|docs)(\/|$)|^\/openapi\.(json|yaml)$/;

/** Requires `authorization: Bearer <key>` for everything that is not public. */
export function requireApiKey(app: FastifyInstance, keys: ApiKeys): void {
  app.addHook('onRequest', async request => {
    if (isPublic(request)) return;
    const given = /^Bearer +(.+)$/i.exec(request.headers.authorization ?? '')?.[1] ?? '';
    const key = keys.find(given);
    if (key === undefined)
      throw new KvasirError(
        'invalid_api_key',
        'the API key is missing or wrong; send it as authorization: Bearer KEY',
      );
    request.scope.apiKey = key;
  });
}

/**
 * Whether a request needs no key: it asks for what load balancers and scrapers want to know, for what describes the API, or for a route whose
 * `config` says `public`. Unknown addresses do need one.
 */
export function isPublic({ routeOptions: { url, config } }: FastifyRequest): boolean {
  // The route's own pattern: the address as sent could be `/%761`, which is routed as `/v1`, or have a host before it.
  return config.public === true || PUBLIC.test(url ?? '');
}
