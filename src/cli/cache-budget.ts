import { isPulled, type ModelPlan } from '#config/models.js';
import { cacheShare, memoryLimit } from '#model/cache/memory-share.js';
import { inspectModel } from '#model/inspect.js';
import { modelFolder } from './model-folder.js';

/**
 * Shares the memory for KV caches among the models of a server that have no setting of their own for it.
 * Models that are loaded on demand have their part from the start: nobody knows when they come.
 */
export class CacheBudget {
  readonly #plans: readonly ModelPlan[];
  readonly #memory: number;
  /** Bytes of weights by model, of those whose folder is known. */
  readonly #weights = new Map<string, number>();
  /** Models that have a KV cache, or of which it is not known. */
  readonly #generators: Set<string>;

  /** @param memory bytes that the process may take; default: what the machine or container has. */
  constructor(plans: readonly ModelPlan[], memory = memoryLimit()) {
    this.#plans = plans;
    this.#memory = memory;
    this.#generators = new Set(plans.map(({ id }) => id));
  }

  /** Takes note of what a plan's folder holds. A broken one has no weights. */
  async learn(plan: ModelPlan, folder: string): Promise<void> {
    const { id, slots, format, precision } = plan;
    const report = await inspectModel(folder, { slots, format, precision }).catch(() => undefined);
    this.#weights.set(id, report?.loadedBytes ?? 0);
    if (report?.generation === undefined) this.#generators.delete(id);
  }

  /**
   * Bytes that the KV cache of a model may take.
   *
   * @param folder of that model.
   */
  async shareOf(plan: ModelPlan, folder: string): Promise<number> {
    for (const other of this.#plans)
      if (!this.#weights.has(other.id) && !isPulled(other))
        await this.learn(other, await modelFolder(other.folder, other).catch(() => other.folder));
    if (!this.#weights.has(plan.id)) await this.learn(plan, folder);
    const set = this.#plans.filter(({ kv_cache_memory: bytes }) => bytes !== undefined);
    const open = this.#plans.filter(
      ({ id, kv_cache_memory: bytes }) => bytes === undefined && this.#generators.has(id),
    );
    return cacheShare({
      memory: this.#memory,
      weights: [...this.#weights.values()].reduce((sum, bytes) => sum + bytes, 0),
      caches: set.reduce((sum, { kv_cache_memory: bytes = 0 }) => sum + bytes, 0),
      models: open.length,
    });
  }
}
