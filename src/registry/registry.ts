import { KvasirError } from '../errors.js';
import type { Model, ModelRegistry } from './types.js';

/** Models that were loaded at start. */
export class Registry implements ModelRegistry {
  readonly #models: ReadonlyMap<string, Model>;

  /** @throws KvasirError `invalid_configuration` where two models have the same name. */
  constructor(models: readonly Model[]) {
    const byId = new Map<string, Model>();
    for (const model of models) {
      if (byId.has(model.id))
        throw new KvasirError('invalid_configuration', `two models are called ${model.id}`);
      byId.set(model.id, model);
    }
    this.#models = byId;
  }

  list(): readonly Model[] {
    return [...this.#models.values()];
  }

  get(id: string): Model {
    const model = this.#models.get(id);
    if (model === undefined) {
      const known = [...this.#models.keys()].join(', ') || 'none';
      throw new KvasirError(
        'model_not_found',
        `the model ${JSON.stringify(id)} is not served here; there are: ${known}`,
        {
          param: 'model',
        },
      );
    }
    return model;
  }

  async close(): Promise<void> {
    await Promise.all(this.list().map(model => model.close()));
  }
}
