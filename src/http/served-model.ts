import { KvasirError } from '../errors.js';
import type { GenerationModel, Model, ModelRegistry } from '../registry/types.js';

/** @throws KvasirError `model_not_found` where there is no such model, or it does not generate text. */
export function generationModel(registry: ModelRegistry, id: string): GenerationModel {
  const model = registry.get(id);
  if (model.kind !== 'generation') {
    throw new KvasirError('model_not_found', `the model ${JSON.stringify(id)} does not generate text`, {
      param: 'model',
    });
  }
  return model;
}

/**
 * The model that a request names, or the first that is loaded, for what any model can.
 *
 * @throws KvasirError `model_not_found` where there is no such model.
 */
export function anyModel(registry: ModelRegistry, id: string | null | undefined): Model {
  if (id !== null && id !== undefined) return registry.get(id);
  const [first] = registry.list();
  if (first === undefined)
    throw new KvasirError('model_not_found', 'no model is loaded here', { param: 'model' });
  return first;
}
