import { join } from 'node:path';
import { Command } from 'commander';
import type { FastifyInstance } from 'fastify';
import { pino, type Logger } from 'pino';
import { isPulled, modelPlans, type ModelPlan } from '#config/models.js';
import { readSettings } from '#config/read.js';
import type { Settings } from '#config/settings.js';
import { KvasirError } from '#errors.js';
import { readApiKeys } from '#http/security/api-keys.js';
import { loggerOptions, logLoaded } from '#http/observability/logging.js';
import type { ModelCard } from '#registry/card.js';
import { loadModel } from '#registry/load.js';
import { readCard } from '#registry/read-card.js';
import { Registry } from '#registry/registry.js';
import type { ModelSource, ServedEntry } from '#registry/types.js';
import { Environment, openDevice, type Device } from '#runtime/index.js';
import { createServer, type ServerOptions } from '#server.js';
import { pullModel } from '#hub/pull.js';
import { showModelBuild } from './build-progress.js';
import { addSettings, givenSettings } from './options.js';
import { packageInfo } from './package-info.js';
import { showPull } from './pull-progress.js';
import { shippedModels } from './shipped-models.js';

export function serveCommand(): Command {
  const command = new Command('serve')
    .description('Serve models over HTTP.')
    .argument(
      '[models...]',
      'model folders or models of the hub (owner/name@revision), also as NAME=MODEL; without any, those that come with Kvasir',
    )
    .option('--config <file>', 'YAML or JSON file with settings (KVASIR_CONFIG)');
  return addSettings(command).action(serve);
}

async function serve(named: string[], { config }: { config?: string }, command: Command): Promise<void> {
  const commandLine = { ...givenSettings(command), ...(named.length > 0 && { models: named }) };
  const settings = await readSettings({ commandLine, environment: process.env, file: config });
  const logger = pino(loggerOptions(settings.log_level), pino.destination(2));
  const apiKeys = await readApiKeys(settings.api_keys, settings.api_key_file);
  const registry = await loadRegistry(modelPlans(settings, shippedModels()), logger);
  const server = await createServer({ registry, logger, ...serverOptions(settings), apiKeys });
  stopOnSignals(server, registry);
  const address = await listen(server, logger, settings);
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

/** The first signal lets running requests finish, the second ends them. */
function stopOnSignals(server: FastifyInstance, registry: Registry): void {
  let stopping = false;
  const stop = (): void => {
    void (stopping ? registry.close() : server.close());
    stopping = true;
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

/** Loads the models that are to be loaded at the start, one after the other. */
async function loadRegistry(plans: readonly ModelPlan[], logger: Logger): Promise<Registry> {
  const environment = new Environment();
  const deviceOf = devices(logger);
  const sources: ModelSource[] = [];
  for (const plan of plans) {
    const card = await cardOf(plan, logger);
    sources.push({ ...modelSource(environment, plan, deviceOf, logger), card });
  }
  const registry = new Registry(sources);
  try {
    for (const { id, load } of plans) {
      if (load !== 'start') continue;
      const started = performance.now();
      const lease = await registry.acquire(id);
      logLoaded(logger, lease.model, performance.now() - started);
      lease.release();
    }
    return registry;
  } catch (error) {
    await registry.close();
    throw error;
  }
}

/**
 * The card of a model that is loaded on demand, so that requests find it by what it can do. One at the start is known as soon as it is
 * loaded. A model of the hub is described by its small files, which are pulled for this.
 */
async function cardOf(plan: ModelPlan, logger: Logger): Promise<ModelCard | undefined> {
  if (plan.load === 'start') return undefined;
  const { id, folder, subfolder, format, precision, context_length: contextLength } = plan;
  try {
    const here = isPulled(plan)
      ? await pullModel(folder, { subfolder, descriptionOnly: true })
      : join(folder, subfolder ?? '');
    return await readCard(here, { format, precision, contextLength });
  } catch (error) {
    logger.warn({ model: id, err: error }, 'nothing is known of the model until a request names it');
    return undefined;
  }
}

/** The model's folder; one of the hub is pulled first, as far as the cache does not have it. */
async function folderOf(plan: ModelPlan): Promise<string> {
  const { folder, subfolder, format, precision } = plan;
  if (!isPulled(plan)) return join(folder, subfolder ?? '');
  const progress = showPull(process.stderr);
  try {
    return await pullModel(folder, { subfolder, format, precision, onEvent: progress.show });
  } finally {
    progress.end();
  }
}

/** Opens the devices of models, each once, so that a missing part is reported once. */
function devices(logger: Logger): (plan: ModelPlan) => Device {
  const opened = new Map<string, Device>();
  return ({ device: name, gpu_memory: memoryLimit, tf32, cuda_graphs: graphs }) => {
    const key = JSON.stringify([name, memoryLimit, tf32, graphs]);
    const device =
      opened.get(key) ??
      openDevice(name, { memoryLimit, tf32, graphs }, reason =>
        logger.warn(`models run on the processor, since CUDA cannot be used: ${reason}`),
      );
    opened.set(key, device);
    return device;
  };
}

function modelSource(
  environment: Environment,
  plan: ModelPlan,
  deviceOf: (plan: ModelPlan) => Device,
  logger: Logger,
): ModelSource {
  const { id, aliases, idle_unload: idleMinutes } = plan;
  return {
    id,
    aliases,
    idleMs: idleMinutes > 0 ? idleMinutes * 60_000 : undefined,
    load: async () => {
      const device = deviceOf(plan);
      const folder = await folderOf(plan);
      const build = showModelBuild(process.stderr, logger, id);
      return loadModel(environment, folder, {
        id,
        slots: plan.slots,
        contextLength: plan.context_length,
        cache: plan.kv_cache,
        cacheBytes: plan.kv_cache_memory,
        format: plan.format,
        precision: plan.precision,
        session: { intraOpThreads: plan.threads, device },
        engine: {
          maxWaiting: plan.max_waiting,
          reusesPrefix: plan.prefix_reuse,
          prefillShare: plan.stall,
          draftTokens: plan.draft_tokens,
        },
        raw: { outputBytes: plan.output_memory, runTime: plan.tensor_timeout * 1000 },
        maxTokens: plan.max_tokens,
        onProgress: build.show,
      }).finally(build.end);
    },
  };
}

/** Describes a model in the line that start-up prints. */
function describe({ id, model }: ServedEntry): string {
  if (model === undefined) return `${id} (on demand)`;
  const { device, engine, card } = model;
  const what = engine === undefined ? card.task : `${engine.slots} slots of ${engine.contextLength} tokens`;
  return `${id} (${device}, ${what})`;
}
