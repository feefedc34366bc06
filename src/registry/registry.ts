import { KvasirError } from '#errors.js';
import { firstWith, type Ability } from './card.js';
import { ModelEntry } from './model-entry.js';
import type {
  Model,
  ModelLease,
  ModelRegistry,
  ModelSource,
  RegistryObserver,
  ServedEntry,
} from './types.js';

/** The models of a server: loaded when they are wanted, and unloaded when they have been idle for long. */
export class Registry implements ModelRegistry {
  readonly #entries: readonly ModelEntry[];
  readonly #byName = new Map<string, ModelEntry>();
  readonly #observers: RegistryObserver[] = [];

  /**
   * @param models in the order in which to list them. A model, rather than a source, is loaded already and
   * stays.
   * @throws KvasirError `invalid_configuration` where two models have the same name or alias
   */
  constructor(models: readonly (Model | ModelSource)[]) {
    const observer: RegistryObserver = {
      loaded: (...args) => this.#observers.forEach(other => other.loaded?.(...args)),
      failed: (...args) => this.#observers.forEach(other => other.failed?.(...args)),
      unloading: (...args) => this.#observers.forEach(other => other.unloading?.(...args)),
    };
    this.#entries = models.map(model => new ModelEntry(model, observer));
    for (const entry of this.#entries) {
      for (const name of [entry.id, ...entry.aliases]) {
        if (this.#byName.has(name))
          throw new KvasirError('invalid_configuration', `two models are called ${name}`);
        this.#byName.set(name, entry);
      }
    }
  }

  get starting(): boolean {
    return this.#entries.some(entry => entry.isDue);
  }

  loaded(): readonly Model[] {
    return this.#entries.flatMap(entry => entry.model ?? []);
  }

  entries(): readonly ServedEntry[] {
    return this.#entries;
  }

  entry(id: string): ModelEntry {
    const entry = this.#byName.get(id);
    if (entry !== undefined) return entry;
    const known = [...this.#byName.keys()].join(', ') || 'none';
    throw new KvasirError(
      'model_not_found',
      `the model ${JSON.stringify(id)} is not served here; there are: ${known}`,
      { param: 'model' },
    );
  }

  find(ability: Ability): ServedEntry | undefined {
    const sound = this.#entries.filter(({ state }) => state !== 'failed');
    return firstWith(sound, ability) ?? firstWith(this.#entries, ability);
  }

  async acquire(id: string): Promise<ModelLease> {
    return this.entry(id).acquire();
  }

  observe(observer: RegistryObserver): void {
    this.#observers.push(observer);
  }

  async close(): Promise<void> {
    await Promise.all(this.#entries.map(entry => entry.close()));
  }
}
