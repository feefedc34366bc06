import { Command } from 'commander';
import type { FastifyInstance } from 'fastify';
import { pino, type Logger } from 'pino';
import { DEFAULT_ENGINE_OPTIONS } from '../engine/engine.js';
import { KvasirError } from '../errors.js';
import { loggerOptions } from '../http/logging.js';
import { loadModel } from '../registry/load.js';
import { Registry } from '../registry/registry.js';
import type { Model } from '../registry/types.js';
import { Environment } from '../runtime/index.js';
import { createServer } from '../server.js';
import { byteSize, option, positiveNumber, wholeNumber } from './options.js';
import { packageInfo } from './package-info.js';
import { shippedModels } from './shipped-models.js';

interface ServeOptions {
  readonly host: string;
  readonly port: number;
  readonly slots: number;
  readonly contextLength?: number;
  readonly maxWaiting: number;
  readonly kvCacheMemory?: number;
  readonly prefixReuse: boolean;
  readonly stall: number;
  readonly draftTokens: number;
  readonly threads: number;
  readonly logLevel: string;
}

const LOG_LEVELS = ['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'];

export function serveCommand(): Command {
  return new Command('serve')
    .description('Serve models over HTTP.')
    .argument('[models...]', 'model folders, or NAME=FOLDER; without any, the models that come with Kvasir')
    .addOption(option('--host <address>', 'address to listen on').default('127.0.0.1'))
    .addOption(
      option('--port <number>', 'port to listen on; 0 takes a free one')
        .default(8080)
        .argParser(wholeNumber(0, 65535)),
    )
    .addOption(
      option('--slots <number>', 'sequences that a model generates at once')
        .default(16)
        .argParser(wholeNumber(1, 4096)),
    )
    .addOption(
      option('--context-length <tokens>', "longest sequence; default: the model's own").argParser(
        wholeNumber(2),
      ),
    )
    .addOption(
      option('--max-waiting <number>', 'requests that may wait for a slot')
        .default(1024)
        .argParser(wholeNumber(0)),
    )
    .addOption(
      option(
        '--kv-cache-memory <bytes>',
        'what the KV cache of a model may take, such as 2g; default: all slots full',
      ).argParser(byteSize),
    )
    .addOption(option('--no-prefix-reuse', 'run every prompt from its beginning, even if the cache has it'))
    .addOption(
      option('--stall <share>', 'by what part of its own time a step may be held up by a new prompt')
        .default(DEFAULT_ENGINE_OPTIONS.stall)
        .argParser(positiveNumber),
    )
    .addOption(
      option('--draft-tokens <number>', 'longest draft of speculative decoding by prompt lookup; 0: off')
        .default(0)
        .argParser(wholeNumber(0, 64)),
    )
    .addOption(
      option('--threads <number>', 'threads of one model; 0: one per core')
        .default(0)
        .argParser(wholeNumber(0, 1024)),
    )
    .addOption(
      option('--log-level <level>', 'least severe log lines on standard error')
        .choices(LOG_LEVELS)
        .default('info'),
    )
    .action(serve);
}

async function serve(named: readonly string[], options: ServeOptions): Promise<void> {
  const logger = pino(loggerOptions(options.logLevel), pino.destination(2));
  const environment = new Environment();
  const registry = await loadRegistry(environment, named, options);
  const server = await createServer({ registry, logger });
  const stop = (): void => {
    void server.close();
  };
  process.once('SIGINT', stop);
  process.once('SIGTERM', stop);
  const address = await listen(server, logger, options);
  const served = registry.list().map(describe).join(', ');
  process.stdout.write(`Kvasir ${packageInfo().version} serves ${served} on ${address}\n`);
}

/** Fastify's own line about it is left out: the start has one line, and it says more. */
async function listen(
  server: FastifyInstance,
  logger: Logger,
  { host, port }: ServeOptions,
): Promise<string> {
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

async function loadRegistry(
  environment: Environment,
  named: readonly string[],
  options: ServeOptions,
): Promise<Registry> {
  const { slots, contextLength, maxWaiting, kvCacheMemory, prefixReuse, stall, draftTokens, threads } =
    options;
  const settings = {
    slots,
    contextLength,
    cacheBytes: kvCacheMemory,
    session: { intraOpThreads: threads },
    engine: { maxWaiting, reusesPrefix: prefixReuse, stall, draftTokens },
  };
  const models: Model[] = [];
  try {
    for (const argument of named.length > 0 ? named : shippedModels()) {
      const { id, folder } = parseModel(argument);
      models.push(await loadModel(environment, folder, { id, ...settings }));
    }
    return new Registry(models);
  } catch (error) {
    await Promise.all(models.map(model => model.close()));
    throw error;
  }
}

/** `NAME=FOLDER`, or a folder alone. */
function parseModel(argument: string): { id: string | undefined; folder: string } {
  const [, id, folder] = /^([^=/\\]+)=(.+)$/.exec(argument) ?? [undefined, undefined, argument];
  return { id, folder: folder ?? argument };
}

/** A model in the line that start-up prints. */
function describe(model: Model): string {
  return model.kind === 'generation'
    ? `${model.id} (cpu, ${model.engine.slots} slots of ${model.contextLength} tokens)`
    : `${model.id} (cpu, ${model.task})`;
}
