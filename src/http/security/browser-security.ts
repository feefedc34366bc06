import cors from '@fastify/cors';
import helmet from '@fastify/helmet';
import type { FastifyInstance } from 'fastify';

/** Headers that clients may want to read. */
const EXPOSED = [
  'x-request-id',
  'retry-after',
  'x-should-retry',
  'x-ratelimit-limit',
  'x-ratelimit-remaining',
  'x-ratelimit-reset',
];

/**
 * What browsers are told: which pages may call the server, and that its own pages load nothing from
 * elsewhere.
 *
 * @param origins of pages that may call it; `*` is all.
 */
export async function secureBrowsers(app: FastifyInstance, origins: readonly string[]): Promise<void> {
  await app.register(helmet, {
    contentSecurityPolicy: {
      // Whether there is TLS is up to the proxy in front.
      directives: { 'upgrade-insecure-requests': null },
    },
    strictTransportSecurity: false,
    crossOriginResourcePolicy: { policy: origins.length > 0 ? 'cross-origin' : 'same-origin' },
  });
  if (origins.length === 0) return;
  await app.register(cors, {
    origin: origins.includes('*') ? '*' : [...origins],
    methods: ['GET', 'HEAD', 'POST'],
    exposedHeaders: EXPOSED,
    maxAge: 600,
  });
}
