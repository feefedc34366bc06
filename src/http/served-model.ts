import { KvasirError } from '../errors.js';
import type { GenerationModel, ModelRegistry } from '../registry/types.js';

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
