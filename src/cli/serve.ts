import { Command } from 'commander';
import type { FastifyInstance } from 'fastify';
import { pino, type Logger } from 'pino';
import { modelPlans } from '#config/models.js';
import { readSettings } from '#config/read.js';
import type { Settings } from '#config/settings.js';
import { KvasirError } from '#errors.js';
import { readApiKeys } from '#http/security/api-keys.js';
import { loggerOptions } from '#http/observability/logging.js';
import { Registry } from '#registry/registry.js';
import type { ServedEntry } from '#registry/types.js';
import { Environment } from '#runtime/index.js';
import { createServer, type ServerOptions } from '#server.js';
import { CacheBudget } from './cache-budget.js';
import { fullCache } from './full-cache.js';
import { devices, modelSource } from './model-sources.js';
import { addSettings, givenSettings } from './options.js';
import { packageInfo } from './package-info.js';
import { shippedModels } from './shipped-models.js';
import { describeHere, describeThere, loadAtStart } from './start-models.js';

export function serveCommand(): Command {
  const command = new Command('serve')
    .description('Serve models over HTTP.')
    .argument(
      '[models...]',
      'model folders, GGUF files, models of the hub (owner/name@revision, owner/name:Q4_K_M) or of Ollama (ollama:NAME:TAG), also as NAME=MODEL; without any, those that come with Kvasir',
    )
    .option('--config <file>', 'YAML or JSON file with settings (KVASIR_CONFIG)');
  return addSettings(command).action(serve);
}

async function serve(named: string[], { config }: { config?: string }, command: Command): Promise<void> {
  const commandLine = { ...givenSettings(command), ...(named.length > 0 && { models: named }) };
  const settings = await readSettings({ commandLine, environment: process.env, file: config });
  const logger = pino(loggerOptions(settings.log_level), pino.destination(2));
  const apiKeys = await readApiKeys(settings.api_keys, settings.api_key_file);
  const plans = modelPlans(settings, shippedModels());
  const stopping = new AbortController();
  const loading = {
    environment: new Environment(),
    logger,
    deviceOf: devices(logger),
    budget: new CacheBudget(plans),
    stop: stopping.signal,
  };
  const registry = new Registry(plans.map(plan => modelSource(plan, loading)));
  await describeHere(registry, plans, loading);
  const server = await createServer({ registry, logger, ...serverOptions(settings), apiKeys });
  stopOnSignals(server, registry, stopping);
  const address = await listen(server, logger, settings);
  try {
    await describeThere(registry, plans, loading);
    await loadAtStart(registry, plans, loading);
  } catch (error) {
    await server.close();
    if (stopping.signal.aborted) return;
    throw error;
  }
  const served = registry.entries().map(describe).join(', ');
  process.stdout.write(`Kvasir ${packageInfo().version} serves ${served} on ${address}\n`);
}

function serverOptions(settings: Settings): Omit<ServerOptions, 'registry'> {
  const seconds = 1000;
  return {
    rateLimit: settings.rate_limit,
    wrongKeyLimit: settings.wrong_key_limit,
    guardPublic: settings.guard_public,
    trustProxy: settings.trust_proxy,
    allowedHosts: settings.allowed_hosts ?? [],
    corsOrigins: settings.cors_origins ?? [],
    bodyLimit: settings.body_limit,
    textsLimit: settings.texts_limit,
    pictures: {
      hosts: settings.image_hosts ?? [],
      most: settings.max_images,
      maxBytes: settings.max_image_bytes,
      maxPixels: settings.max_image_pixels,
    },
    audioLimit: settings.audio_limit,
    maxAudioSeconds: settings.max_audio_seconds,
    audioMemory: settings.audio_memory,
    bodyMemory: settings.body_memory,
    maxConnections: settings.max_connections,
    maxConnectionsPerAddress: settings.max_connections_per_address,
    receiveTimeout: settings.receive_timeout * seconds,
    writeTimeout: settings.write_timeout * seconds,
    requestTimeout: settings.request_timeout * seconds,
    drainTimeout: settings.drain_timeout * seconds,
    runTimeout: settings.run_timeout * seconds,
    processMetrics: true,
    playground: settings.playground,
  };
}

/** The first signal lets what runs come to its end, but for pulls and builds; the second does not. */
function stopOnSignals(server: FastifyInstance, registry: Registry, stopping: AbortController): void {
  const stop = (): void => {
    void (stopping.signal.aborted ? registry.close() : server.close());
    stopping.abort();
  };
  process.on('SIGINT', stop);
  process.on('SIGTERM', stop);
}

/** Listens without Fastify's own log line: start-up prints one line, and it says more. */
async function listen(server: FastifyInstance, logger: Logger, { host, port }: Settings): Promise<string> {
  const { level } = logger;
  logger.level = 'warn';
  try {
    return await server.listen({ host, port });
  } catch (cause) {
    await server.close();
    throw new KvasirError('invalid_configuration', (cause as Error).message, { cause });
  } finally {
    logger.level = level;
  }
}

/** A model in the line that start-up prints. */
function describe({ id, model, state }: ServedEntry): string {
  if (state === 'failed') return `${id} (failed)`;
  if (model === undefined) return `${id} (on demand)`;
  const { device, engine, card } = model;
  if (engine === undefined) return `${id} (${device}, ${card.task})`;
  const { slots, contextLength } = engine;
  if (card.hears !== undefined) return `${id} (${device}, ${slots} slots of 30 seconds of speech)`;
  const { cacheCapacity } = engine.stats();
  const shared = cacheCapacity < fullCache(engine) ? `, ${cacheCapacity} of all together` : '';
  const sources = engine.sourceLength === undefined ? '' : ` and sources of ${engine.sourceLength}`;
  return `${id} (${device}, ${slots} slots of ${contextLength} tokens${sources}${shared})`;
}
