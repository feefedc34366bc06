import type { FastifyInstance, FastifyRequest } from 'fastify';
import { KvasirError } from '#errors.js';
import type { ApiKeys } from './api-keys.js';
import { WrongKeys } from './wrong-keys.js';

declare module 'fastify' {
  interface FastifyContextConfig {
    /** The route needs no API key and has no rate limit. */
    readonly public?: boolean;
  }
}

const PUBLIC = /^\/((v[12]\/)?health|metrics|docs)(\/|$)|^\/(ping|version|openapi\.(json|yaml))$/;

/** What orchestrators restart a process by, and hosts keep it by, which have no key. */
const ALIVE = /^\/(v2\/)?health\/live$|^\/(v1\/)?health$|^\/ping$/;

export interface KeyOptions {
  readonly keys: ApiKeys;
  /** Wrong keys that one address may send in a minute; 0: any number. */
  readonly wrongKeyLimit: number;
  /**
   * Requires a key for what is public otherwise, but for the probes `/health/live`, `/health` and `/ping`, and routes whose `config` says
   * `public`.
   */
  readonly guardPublic: boolean;
}

/** Requires `authorization: Bearer <key>` for everything that is not public. */
export function requireApiKey(app: FastifyInstance, { keys, wrongKeyLimit, guardPublic }: KeyOptions): void {
  const wrong = new WrongKeys(wrongKeyLimit > 0 ? wrongKeyLimit : Infinity);
  app.addHook('onRequest', async (request, reply) => {
    if (isPublic(request) && !(guardPublic && isGuardable(request))) return;
    const given = /^Bearer +(.+)$/i.exec(request.headers.authorization ?? '')?.[1];
    const key = given === undefined ? undefined : keys.find(given);
    const wait = given === undefined ? undefined : wrong.wait(request.ip, key, performance.now());
    if (wait !== undefined) {
      void reply.header('retry-after', wait);
      throw new KvasirError(
        'rate_limit_exceeded',
        `there were ${wrongKeyLimit} wrong API keys from this address within a minute; try again in ${wait} seconds`,
      );
    }
    if (key === undefined)
      throw new KvasirError(
        'invalid_api_key',
        'the API key is missing or wrong; send it as authorization: Bearer KEY',
      );
    request.scope.apiKey = key;
  });
}

/**
 * Whether a request needs no key: it asks for what load balancers and scrapers want to know, for what
 * describes the API, or for a route whose `config` says `public`. Unknown addresses do need one.
 */
export function isPublic({ routeOptions: { url, config } }: FastifyRequest): boolean {
  // The route's own pattern: the address as sent could be `/%761`, which is routed as `/v1`, or have a host
  // before it.
  return config.public === true || PUBLIC.test(url ?? '');
}

function isGuardable({ routeOptions: { url, config } }: FastifyRequest): boolean {
  return config.public !== true && !ALIVE.test(url ?? '');
}
