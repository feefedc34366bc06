import type { Logger } from 'pino';
import { isPulled, type ModelPlan } from '#config/models.js';
import { KvasirError } from '#errors.js';
import { pullModel } from '#hub/pull.js';
import { parseReference } from '#hub/reference.js';
import { loadModel } from '#registry/load.js';
import { readCard } from '#registry/read-card.js';
import type { ModelCard } from '#registry/card.js';
import type { Model, ModelSource } from '#registry/types.js';
import { formatBytes } from '#bytes.js';
import { openDevice, type Device, type Environment } from '#runtime/index.js';
import { showModelBuild } from './build-progress.js';
import type { CacheBudget } from './cache-budget.js';
import { fullCache } from './full-cache.js';
import { modelFolder } from './model-folder.js';
import { showPull } from './pull-progress.js';

/** A model that could not be loaded is not tried again for so long, whoever asks for it. */
const RETRY_MS = 10_000;

/** What loading takes beside a plan. */
export interface Loading {
  readonly environment: Environment;
  readonly logger: Logger;
  readonly deviceOf: (plan: ModelPlan) => Device;
  readonly budget: CacheBudget;
  /** Ends pulls and builds under way. */
  readonly stop: AbortSignal;
}

/** Where the registry has a planned model from. */
export function modelSource(plan: ModelPlan, loading: Loading): ModelSource {
  const { id, aliases, load, idle_unload: idleMinutes } = plan;
  return {
    id,
    aliases,
    atStart: load === 'start',
    retryMs: RETRY_MS,
    idleMs: idleMinutes > 0 ? idleMinutes * 60_000 : undefined,
    load: () => loadPlanned(plan, loading),
  };
}

async function loadPlanned(
  plan: ModelPlan,
  { environment, logger, deviceOf, budget, stop }: Loading,
): Promise<Model> {
  const { id } = plan;
  const device = deviceOf(plan);
  const folder = await folderOf(plan, stop);
  const build = showModelBuild(process.stderr, logger, id);
  const cacheShare = device.isHostMemory ? await budget.shareOf(plan, folder) : undefined;
  const model = await loadModel(environment, folder, {
    id,
    slots: plan.slots,
    contextLength: plan.context_length,
    cache: plan.kv_cache,
    cacheBytes: plan.kv_cache_memory,
    cacheShare,
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
    generationConfig: plan.generation_config,
    maxTokens: plan.max_tokens,
    voiceDetector: plan.voice_detector,
    autoTruncate: plan.auto_truncate,
    onDamaged: fault => logger.warn({ model: id }, fault),
    onWarning: warning => logger.warn({ model: id }, warning),
    onProgress: progress => {
      if (stop.aborted) throw new KvasirError('cancelled', 'the build was interrupted');
      build.show(progress);
    },
  }).finally(build.end);
  if (cacheShare !== undefined && plan.kv_cache_memory === undefined) logLimit(logger, model, cacheShare);
  return model;
}

/** Says where memory, and not the slots, limits a KV cache. */
function logLimit(logger: Logger, { id, engine }: Model, bytes: number): void {
  if (engine === undefined) return;
  const { cacheCapacity } = engine.stats();
  const all = fullCache(engine);
  if (cacheCapacity >= all) return;
  const limit = { model: id, cache_tokens: cacheCapacity, memory: formatBytes(bytes) };
  if (cacheCapacity > all / engine.slots)
    logger.info(limit, 'the memory limits the KV cache; --kv-cache-memory sets another limit');
  else
    logger.warn(
      limit,
      'one sequence of the whole context may take more memory than there is: set --context-length',
    );
}

/**
 * The card of a model that is not loaded, so that requests find it by what it can do. A model of the hub is
 * described by its small files, which are pulled for this.
 *
 * @throws KvasirError as `readCard`, and as `pullModel`
 */
export async function describePlanned(plan: ModelPlan, signal: AbortSignal): Promise<ModelCard> {
  const { folder, subfolder, format, precision } = plan;
  const { context_length: contextLength, auto_truncate: autoTruncate } = plan;
  const withoutWeights = isPulled(plan);
  const here = withoutWeights
    ? await describedFolder(folder, subfolder, signal)
    : await modelFolder(folder, { subfolder });
  return readCard(here, {
    format,
    precision,
    contextLength,
    withoutWeights,
    autoTruncate,
    generationConfig: plan.generation_config,
  });
}

/** The model's folder; one of the hub is pulled first, as far as the cache does not have it. */
async function folderOf(plan: ModelPlan, signal: AbortSignal): Promise<string> {
  const { folder, subfolder, format, precision } = plan;
  if (!isPulled(plan)) return modelFolder(folder, { subfolder });
  const progress = showPull(process.stderr);
  const pulled = await pullModel(folder, {
    subfolder,
    format,
    precision,
    signal,
    onEvent: progress.show,
  }).finally(() => progress.end());
  return modelFolder(pulled, parseReference(folder));
}

/** A folder with the small files of a model on a hub; of a GGUF file, which has none, the one in the cache. */
async function describedFolder(
  reference: string,
  subfolder: string | undefined,
  signal: AbortSignal,
): Promise<string> {
  const { gguf } = parseReference(reference);
  if (gguf === undefined) return pullModel(reference, { subfolder, signal, descriptionOnly: true });
  return modelFolder(await pullModel(reference, { subfolder, signal, offline: true }), { gguf });
}

/** Opens the devices of models, each once: what is missing for one is said once, too. */
export function devices(logger: Logger): (plan: ModelPlan) => Device {
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
