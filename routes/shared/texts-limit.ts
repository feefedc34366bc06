import type { FastifyInstance } from 'fastify';
import type { RouteOptions } from '#http/route-options.js';

/** Lets the endpoints that are registered after it take bodies with many texts. */
export function takeManyTexts(app: FastifyInstance, { textsLimit }: RouteOptions): void {
  app.addHook('onRoute', route => {
    if (route.method !== 'POST') return;
    route.bodyLimit = textsLimit;
    route.config = { ...route.config, limitSetting: 'texts_limit' };
  });
}
