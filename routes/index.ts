import type { FastifyPluginAsync } from 'fastify';
import type { RouteOptions } from '#http/route-options.js';
import { kserve } from '#routes/kserve/index.js';
import { kvasir } from '#routes/kvasir/index.js';
import { libretranslate } from '#routes/libretranslate/index.js';
import { openai } from '#routes/openai/index.js';
import { tei } from '#routes/tei/index.js';

/** Everything that clients see: a plugin for each protocol, which sets its own prefixes and errors. */
export const allRoutes: FastifyPluginAsync<RouteOptions> = async (app, options) => {
  for (const protocol of [kvasir, tei, openai, kserve, libretranslate]) await app.register(protocol, options);
};
