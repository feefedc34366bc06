import { readFileSync } from 'node:fs';
import type { TypeBoxTypeProvider } from '@fastify/type-provider-typebox';
import { fastify, type FastifyBaseLogger, type FastifyInstance } from 'fastify';
import type { ApiKeys } from '#http/security/api-keys.js';
import { requireApiKey } from '#http/security/authentication.js';
import { trustedProxies } from '#http/security/addresses.js';
import { checkHosts, requireHost } from '#http/security/hosts.js';
import { Endpoints } from '#http/endpoints.js';
import { readJson } from '#http/json-body.js';
import { BodyMemory, limitBodies } from '#http/lifecycle/body-memory.js';
import { limitConnections } from '#http/lifecycle/connections.js';
import { cutStalledReaders } from '#http/lifecycle/stalled-writes.js';
import { secureBrowsers } from '#http/security/browser-security.js';
import { limitTime } from '#http/lifecycle/deadline.js';
import { handleClientError, handleErrors, sendError } from '#http/errors/error-handling.js';
import { watchRequests } from '#http/observability/watch.js';
import { lazySchemas } from '#http/lazy-schemas.js';
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
import { DEFAULT_PICTURES, PictureReading, type PictureSettings } from '#picture-reading.js';
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
  /**
   * Requests per minute of each key, or of each address where there are no keys; by default, and with 0,
   * there is no limit.
   */
  readonly rateLimit?: number;
  /**
   * Wrong keys that one address may send in a minute; 60 by default, 0 is any number. Never more than
   * `rateLimit`, where there is one.
   */
  readonly wrongKeyLimit?: number;
  /** Requires a key also for metrics, documentation and readiness. */
  readonly guardPublic?: boolean;
  /**
   * Whose word is taken about a client's address (`x-forwarded-for`), see `trustedProxies`; by default
   * nobody's.
   */
  readonly trustProxy?: string | undefined;
  /**
   * Host names, beside those of this machine, that a server without keys answers to on a loopback address;
   * `*` is all, and so is undefined.
   */
  readonly allowedHosts?: readonly string[];
  /** Most connections at once; 4096 by default. */
  readonly maxConnections?: number;
  /** Most connections at once from one address that is no trusted proxy; 1024 by default. */
  readonly maxConnectionsPerAddress?: number;
  /** Bytes of memory that request bodies may take together, see `BodyMemory`; 256 MiB by default. */
  readonly bodyMemory?: number;
  /**
   * Longest time in which a client may not read any of its answer, in milliseconds; a minute by default, 0 is
   * any.
   */
  readonly writeTimeout?: number;
  /** Origins whose pages may call the server; `*` is all. None by default. */
  readonly corsOrigins?: readonly string[];
  /** Largest request body, in bytes; 4 MiB by default. */
  readonly bodyLimit?: number;
  /**
   * Largest request body of encoders' endpoints, which take many texts at once, in bytes; by default twice
   * `bodyLimit`.
   */
  readonly textsLimit?: number | undefined;
  /** What of pictures in requests is read, and from where. */
  readonly pictures?: Partial<PictureSettings> | undefined;
  /** Largest recording, in bytes; 25 MiB by default. */
  readonly audioLimit?: number;
  /** Longest recording, in seconds; four hours by default. */
  readonly maxAudioSeconds?: number;
  /**
   * Bytes of memory that recordings may take together while they are transcribed; 2 GiB by default, and never less
   * than the longest takes.
   */
  readonly audioMemory?: number;
  /** Longest time for a request to arrive whole, in milliseconds; two minutes by default. */
  readonly receiveTimeout?: number;
  /**
   * Longest time until a request is answered, in milliseconds; by default, and with 0, as long as it takes.
   */
  readonly requestTimeout?: number;
  /**
   * How long running requests may go on when the server closes, in milliseconds; by default they are ended at
   * once.
   */
  readonly drainTimeout?: number;
  /** Milliseconds that clients have to read their last answer when the server closes; 5000 by default. */
  readonly closeGrace?: number;
  /**
   * How long a model may not get anywhere before the server calls itself dead, in milliseconds; two minutes
   * by default.
   */
  readonly runTimeout?: number;
  /** Measure the process as well, see {@link Metrics}. */
  readonly processMetrics?: boolean;
  /** Serve a page to try the models with, at `/`; it is there by default. */
  readonly playground?: boolean;
}

const DEFAULTS = {
  rateLimit: 0,
  wrongKeyLimit: 60,
  guardPublic: false,
  trustProxy: undefined,
  maxConnections: 4096,
  maxConnectionsPerAddress: 1024,
  bodyMemory: 256 * 1024 * 1024,
  writeTimeout: 60_000,
  corsOrigins: [],
  bodyLimit: 4 * 1024 * 1024,
  audioLimit: 25 * 1024 * 1024,
  maxAudioSeconds: 4 * 60 * 60,
  audioMemory: 2 * 1024 * 1024 * 1024,
  receiveTimeout: 120_000,
  requestTimeout: 0,
  drainTimeout: 0,
  closeGrace: 5000,
  runTimeout: 120_000,
  processMetrics: false,
  playground: true,
};

/** Room in a form for what is beside its recording. */
const FORM_FIELDS = 128 * 1024;

/** Of a recording that is transcribed: 100 columns of 128 numbers, as the largest models read. */
const MOST_BYTES_PER_SECOND = 100 * 128 * 4;

/**
 * Composes the server. It does not listen yet: call `listen`, and `close` to end it along with the models.
 */
export async function createServer(options: ServerOptions): Promise<FastifyInstance> {
  const { registry, logger, apiKeys, allowedHosts, ...settings } = { ...DEFAULTS, ...options };
  const { receiveTimeout, rateLimit } = settings;
  const isProxy = settings.trustProxy === undefined ? undefined : trustedProxies(settings.trustProxy);
  const { bodyLimit, textsLimit = 2 * bodyLimit } = settings;
  const formLimit = settings.audioLimit + FORM_FIELDS;
  const bodies = new BodyMemory(Math.max(settings.bodyMemory, bodyLimit));
  const longest = settings.maxAudioSeconds * MOST_BYTES_PER_SECOND;
  const app = fastify({
    ...(logger !== undefined && { loggerInstance: logger }),
    logController,
    genReqId: requestId,
    trustProxy: isProxy ?? false,
    bodyLimit,
    requestTimeout: receiveTimeout,
    http: {
      requireHostHeader: false,
      headersTimeout: Math.min(60_000, receiveTimeout),
      connectionsCheckingInterval: Math.min(10_000, receiveTimeout / 4),
    },
    ajv: { customOptions: AJV_OPTIONS },
    schemaController: { compilersFactory: lazySchemas },
    schemaErrorFormatter: validationError,
    frameworkErrors: (error, request, reply) => void sendError(error, request, reply),
    clientErrorHandler: handleClientError,
    routerOptions: { maxParamLength: 512 },
    // Closing has its own answer, in the shape of all others.
    return503OnClosing: false,
  }).withTypeProvider<TypeBoxTypeProvider>();
  const version = packageVersion();
  const pictureSettings = { ...DEFAULT_PICTURES, ...settings.pictures };
  const pictures = new PictureReading(pictureSettings);
  const metrics = new Metrics(registry, { process: settings.processMetrics });
  const watchdog = new Watchdog(registry, settings.runTimeout);

  limitConnections(app, {
    all: settings.maxConnections,
    each: settings.maxConnectionsPerAddress,
    isProxy: address => isProxy?.(address, 0) ?? false,
  });
  if (settings.writeTimeout > 0) cutStalledReaders(app, settings.writeTimeout);
  provideScopes(app);
  logRequests(app);
  logModels(app.log, registry);
  measureRequests(app, metrics);
  traceRequests(app, version);
  closeInOrder(app, {
    release: async () => {
      await registry.close();
      await pictures.close();
    },
    drain: settings.drainTimeout,
    grace: settings.closeGrace,
  });
  await secureBrowsers(app, settings.corsOrigins);
  requireHost(app);
  if (apiKeys !== undefined) {
    const { wrongKeyLimit, guardPublic } = settings;
    const least = Math.min(wrongKeyLimit || Infinity, rateLimit || Infinity);
    requireApiKey(app, { keys: apiKeys, wrongKeyLimit: least === Infinity ? 0 : least, guardPublic });
  } else if (allowedHosts !== undefined) checkHosts(app, allowedHosts);
  if (rateLimit > 0) await limitRate(app, rateLimit, apiKeys === undefined ? 'address' : 'key');
  limitTime(app, settings.requestTimeout);
  limitBodies(app, bodies);
  readJson(app, bodies);
  provideModels(app, registry);
  watchRequests(app, watchdog);
  handleErrors(app);
  for (const schema of SHARED_SCHEMAS) app.addSchema(schema);
  await documentRoutes(app, version);
  const endpoints = new Endpoints();
  endpoints.collect(app);
  const { playground, corsOrigins } = settings;
  const routes: RouteOptions = {
    registry,
    watchdog,
    metrics,
    endpoints,
    textsLimit,
    pictures: { reader: pictures.reader, most: pictureSettings.most },
    audio: {
      bodyLimit: formLimit,
      maxSeconds: settings.maxAudioSeconds,
      memory: new BodyMemory(Math.max(settings.audioMemory, longest)),
    },
    corsOrigins,
    playground,
    version,
  };
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
