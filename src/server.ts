import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import autoload from '@fastify/autoload';
import type { TypeBoxTypeProvider } from '@fastify/type-provider-typebox';
import { fastify, type FastifyBaseLogger, type FastifyInstance } from 'fastify';
import { requireApiKey } from './http/authentication.js';
import { handleClientError, handleErrors, sendError } from './http/error-handling.js';
import { logController, logRequests, requestId } from './http/logging.js';
import { documentRoutes } from './http/openapi.js';
import type { RouteOptions } from './http/route-options.js';
import { SHARED_SCHEMAS } from './http/schemas/shared.js';
import { closeInOrder } from './http/shutdown.js';
import { AJV_OPTIONS, validationError } from './http/validation.js';
import { Registry } from './registry/registry.js';
import type { ModelRegistry } from './registry/types.js';

export interface ServerOptions {
  /** What to serve; closed with the server. */
  readonly registry: ModelRegistry;
  /** A pino logger, see `loggerOptions`; without one nothing is logged. */
  readonly logger?: FastifyBaseLogger;
  /** Required of every request but for health and documentation, as a bearer token. */
  readonly apiKey?: string;
  /** Largest request body, in bytes; 4 MiB by default. */
  readonly bodyLimit?: number;
  /** Milliseconds that clients have to read their last answer when the server closes; 5000 by default. */
  readonly closeGrace?: number;
}

const DEFAULTS = { bodyLimit: 4 * 1024 * 1024, closeGrace: 5000 };

/** Longest time for a request to arrive whole, in milliseconds; answers may take as long as they need. */
const REQUEST_TIMEOUT = 120_000;

/** Composes the server. It does not listen yet: call `listen`, and `close` to end it along with the models. */
export async function createServer(options: ServerOptions): Promise<FastifyInstance> {
  const { registry, logger, apiKey, bodyLimit, closeGrace } = { ...DEFAULTS, ...options };
  const app = fastify({
    ...(logger !== undefined && { loggerInstance: logger }),
    logController,
    genReqId: requestId,
    bodyLimit,
    requestTimeout: REQUEST_TIMEOUT,
    ajv: { customOptions: AJV_OPTIONS },
    schemaErrorFormatter: validationError,
    frameworkErrors: (error, request, reply) => void sendError(error, request, reply),
    clientErrorHandler: handleClientError,
    routerOptions: { maxParamLength: 512 },
    // Closing has its own answer, in the shape of all others.
    return503OnClosing: false,
  }).withTypeProvider<TypeBoxTypeProvider>();

  logRequests(app);
  closeInOrder(app, () => registry.close(), closeGrace);
  if (apiKey !== undefined) requireApiKey(app, apiKey);
  handleErrors(app);
  for (const schema of SHARED_SCHEMAS) app.addSchema(schema);
  await documentRoutes(app, packageVersion());
  const routes: RouteOptions = { registry };
  await app.register(autoload, {
    dir: fileURLToPath(new URL('../routes', import.meta.url)),
    forceESM: true,
    options: routes,
  });
  return app;
}

/** The OpenAPI document of all routes, as YAML. */
export async function openApiDocument(): Promise<string> {
  const app = await createServer({ registry: new Registry([]) });
  await app.ready();
  const document = app.swagger({ yaml: true });
  await app.close();
  return document;
}

function packageVersion(): string {
  // The compiled file is two folders below the package.
  const manifest = readFileSync(new URL('../../package.json', import.meta.url), 'utf8');
  return (JSON.parse(manifest) as { version: string }).version;
}
