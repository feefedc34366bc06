import { KvasirError } from '#errors.js';
import { ModelSlot } from './model-slot.js';
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
  readonly #slots: readonly ModelSlot[];
  readonly #byName = new Map<string, ModelSlot>();
  readonly #observers: RegistryObserver[] = [];

  /**
   * @param models in the order in which to list them. A model, rather than a source, is loaded already and stays.
   * @throws KvasirError `invalid_configuration` where two models have the same name or alias
   */
  constructor(models: readonly (Model | ModelSource)[]) {
    const observer: RegistryObserver = {
      loaded: (...args) => this.#observers.forEach(other => other.loaded?.(...args)),
      failed: (...args) => this.#observers.forEach(other => other.failed?.(...args)),
      unloading: (...args) => this.#observers.forEach(other => other.unloading?.(...args)),
    };
    this.#slots = models.map(model => new ModelSlot(model, observer));
    for (const slot of this.#slots) {
      for (const name of [slot.id, ...slot.aliases]) {
        if (this.#byName.has(name))
          throw new KvasirError('invalid_configuration', `two models are called ${name}`);
        this.#byName.set(name, slot);
      }
    }
  }

  list(): readonly Model[] {
    return this.#slots.flatMap(slot => slot.model ?? []);
  }

  entries(): readonly ServedEntry[] {
    return this.#slots;
  }

  entry(id: string): ServedEntry {
    return this.#slot(id);
  }

  get(id: string): Model {
    const { model } = this.#slot(id);
    if (model === undefined) throw notFound(`the model ${JSON.stringify(id)} is not loaded`);
    return model;
  }

  async acquire(id: string): Promise<ModelLease> {
    return this.#slot(id).acquire();
  }

  observe(observer: RegistryObserver): void {
    this.#observers.push(observer);
  }

  async close(): Promise<void> {
    await Promise.all(this.#slots.map(slot => slot.close()));
  }

  #slot(id: string): ModelSlot {
    const slot = this.#byName.get(id);
    if (slot === undefined) {
      const known = [...this.#byName.keys()].join(', ') || 'none';
      throw notFound(`the model ${JSON.stringify(id)} is not served here; there are: ${known}`);
    }
    return slot;
  }
}

function notFound(message: string): KvasirError {
  return new KvasirError('model_not_found', message, { param: 'model' });
}
