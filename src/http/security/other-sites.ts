import type { FastifyRequest } from 'fastify';
import { KvasirError } from '#errors.js';

/**
 * Browsers let any page send forms to any server, without asking it: those of pages of another origin are refused,
 * but for origins that may call the server, and requests with a key, for which browsers do ask.
 *
 * @param origins that may call it; `*` is all.
 * @throws KvasirError `invalid_request`
 */
export function refuseOtherSites({ headers }: FastifyRequest, origins: readonly string[]): void {
  const site = headers['sec-fetch-site'] ?? 'none';
  if (site === 'none' || site === 'same-origin' || headers.authorization !== undefined) return;
  const { origin } = headers;
  if (origins.includes('*') || (origin !== undefined && origins.includes(origin))) return;
  throw new KvasirError(
    'invalid_request',
    'forms from pages of another origin are not taken, unless cors_origins names it',
  );
}
