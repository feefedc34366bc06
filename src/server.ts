import { readFileSync } from 'node:fs';
import type { TypeBoxTypeProvider } from '@fastify/type-provider-typebox';
import { fastify, type FastifyBaseLogger, type FastifyInstance } from 'fastify';
import type { ApiKeys } from '#http/security/api-keys.js';
import { requireApiKey } from '#http/security/authentication.js';
import { secureBrowsers } from '#http/security/browser-security.js';
import { limitTime } from '#http/lifecycle/deadline.js';
import { handleClientError, handleErrors, sendError } from '#http/errors/error-handling.js';
import { watchRequests } from '#http/observability/watch.js';
import { logController, logModels, logRequests, requestId } from '#http/observability/logging.js';
import { measureRequests } from '#http/observability/measure.js';
import { provideModels } from '#http/model.js';
import { documentRoutes } from '#http/openapi/openapi.js';
import { limitRate } from '#http/security/rate-limit.js';
import { provideScopes } from '#http/lifecycle/request-scope.js';
import type { RouteOptions } from '#http/route-options.js';
import { allRoutes } from '#routes/index.js';
import { SHARED_SCHEMAS } from '#http/schemas/shared.js';
import { closeInOrder } from '#http/lifecycle/shutdown.js';
import { traceRequests } from '#http/observability/tracing.js';
import { AJV_OPTIONS, validationError } from '#http/errors/validation.js';
import { Metrics } from '#metrics/metrics.js';
import { Registry } from '#registry/registry.js';
import type { ModelRegistry } from '#registry/types.js';
import { Watchdog } from '#registry/watchdog.js';

export interface ServerOptions {
  /** What to serve; closed with the server. */
  readonly registry: ModelRegistry;
  /** A pino logger, see `loggerOptions`; without one nothing is logged. */
  readonly logger?: FastifyBaseLogger;
  /** One of them is required of every request that is not public, as a bearer token. */
  readonly apiKeys?: ApiKeys | undefined;
  /** Requests per minute of each key, or of each address where there are no keys; by default, and with 0, there is no limit. */
  readonly rateLimit?: number;
  /** Take a client's address from `x-forwarded-for`. */
  readonly trustProxy?: boolean;
  /** Origins whose pages may call the server; `*` is all. None by default. */
  readonly corsOrigins?: readonly string[];
  /** Largest request body, in bytes; 4 MiB by default. */
  readonly bodyLimit?: number;
  /** Longest time for a request to arrive whole, in milliseconds; two minutes by default. */
  readonly receiveTimeout?: number;
  /** Longest time until a request is answered, in milliseconds; by default, and with 0, as long as it takes. */
  readonly requestTimeout?: number;
  /** How long running requests may go on when the server closes, in milliseconds; by default they are ended at once. */
  readonly drainTimeout?: number;
  /** Milliseconds that clients have to read their last answer when the server closes; 5000 by default. */
  readonly closeGrace?: number;
  /** How long a model may not get anywhere before the server calls itself dead, in milliseconds; two minutes by default. */
  readonly runTimeout?: number;
  /** Measure the process as well, see {@link Metrics}. */
  readonly processMetrics?: boolean;
  /** Serve a page to try the models with, at `/`; it is there by default. */
  readonly playground?: boolean;
}

const DEFAULTS = {
  rateLimit: 0,
  trustProxy: false,
  corsOrigins: [],
  bodyLimit: 4 * 1024 * 1024,
  receiveTimeout: 120_000,
  requestTimeout: 0,
  drainTimeout: 0,
  closeGrace: 5000,
  runTimeout: 120_000,
  processMetrics: false,
  playground: true,
};

/** Composes the server. It does not listen yet: call `listen`, and `close` to end it along with the models. */
export async function createServer(options: ServerOptions): Promise<FastifyInstance> {
  const { registry, logger, apiKeys, ...settings } = { ...DEFAULTS, ...options };
  const { receiveTimeout } = settings;
  const app = fastify({
    ...(logger !== undefined && { loggerInstance: logger }),
    logController,
    genReqId: requestId,
    trustProxy: settings.trustProxy,
    bodyLimit: settings.bodyLimit,
    requestTimeout: receiveTimeout,
    http: {
      headersTimeout: Math.min(60_000, receiveTimeout),
      connectionsCheckingInterval: Math.min(10_000, receiveTimeout / 4),
    },
    ajv: { customOptions: AJV_OPTIONS },
    schemaErrorFormatter: validationError,
    frameworkErrors: (error, request, reply) => void sendError(error, request, reply),
    clientErrorHandler: handleClientError,
    routerOptions: { maxParamLength: 512 },
    // Closing has its own answer, in the shape of all others.
    return503OnClosing: false,
  }).withTypeProvider<TypeBoxTypeProvider>();
  const version = packageVersion();
  const metrics = new Metrics(registry, { process: settings.processMetrics });
  const watchdog = new Watchdog(registry, settings.runTimeout);

  provideScopes(app);
  logRequests(app);
  logModels(app.log, registry);
  measureRequests(app, metrics);
  traceRequests(app, version);
  closeInOrder(app, {
    release: () => registry.close(),
    drain: settings.drainTimeout,
    grace: settings.closeGrace,
  });
  await secureBrowsers(app, settings.corsOrigins);
  if (apiKeys !== undefined) requireApiKey(app, apiKeys);
  if (settings.rateLimit > 0)
    await limitRate(app, settings.rateLimit, apiKeys === undefined ? 'address' : 'key');
  limitTime(app, settings.requestTimeout);
  provideModels(app, registry);
  watchRequests(app, watchdog);
  handleErrors(app);
  for (const schema of SHARED_SCHEMAS) app.addSchema(schema);
  await documentRoutes(app, version);
  const routes: RouteOptions = { registry, watchdog, metrics, playground: settings.playground, version };
  await app.register(allRoutes, routes);
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
