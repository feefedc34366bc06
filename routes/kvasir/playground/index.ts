import { fileURLToPath } from 'node:url';
import fastifyStatic from '@fastify/static';
import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox';

/** The compiled file is four folders below the package, which has the page as it is. */
const FOLDER = fileURLToPath(new URL('../../../../playground/', import.meta.url));

/** All that the page loads, and all that it calls, comes from this server; recordings, from the browser. */
const CONTENT_SECURITY_POLICY = {
  useDefaults: false,
  directives: {
    'default-src': ["'none'"],
    'script-src': ["'self'"],
    'style-src': ["'self'"],
    // Pictures that people choose are shown before they are sent.
    'img-src': ["'self'", 'data:'],
    'media-src': ['blob:'],
    'connect-src': ["'self'"],
    'base-uri': ["'none'"],
    'form-action': ["'none'"],
    'frame-ancestors': ["'none'"],
  },
};

/**
 * A page to try the models with, for people: at the root, and what it loads below `/playground/`. It needs no
 * key itself; its requests do, and it asks for one.
 */
const playground: FastifyPluginAsyncTypebox = async app => {
  app.addHook('onRoute', route => {
    route.config = { ...route.config, public: true };
  });
  await app.register(fastifyStatic, {
    root: FOLDER,
    prefix: '/playground/',
    wildcard: false,
    index: false,
    globIgnore: ['index.html', 'tsconfig.json'],
  });

  app.get(
    '/',
    { schema: { hide: true }, helmet: { contentSecurityPolicy: CONTENT_SECURITY_POLICY } },
    async (_request, reply) => reply.sendFile('index.html'),
  );
};

export default playground;
