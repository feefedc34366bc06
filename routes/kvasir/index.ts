import type { FastifyPluginAsync } from 'fastify';
import type { RouteOptions } from '#http/route-options.js';
import health from './health/index.js';
import metrics from './metrics/index.js';
import playground from './playground/index.js';
import probes from './probes/index.js';

/** What is Kvasir's own: for orchestrators, for Prometheus, and a page for people. */
export const kvasir: FastifyPluginAsync<RouteOptions> = async (app, options) => {
  await app.register(probes, options);
  await app.register(health, { ...options, prefix: '/health' });
  await app.register(metrics, { ...options, prefix: '/metrics' });
  if (options.playground) await app.register(playground);
};
