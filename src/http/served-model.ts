import { KvasirError } from '#errors.js';
import type { GenerationModel, Model, ModelRegistry, TextModel } from '#registry/types.js';

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
 * The model that a request names, or the first that is loaded, for what any model that reads text can.
 *
 * @throws KvasirError `model_not_found` where there is no such model.
 */
export function anyModel(registry: ModelRegistry, id: string | null | undefined): TextModel {
  if (id === null || id === undefined) {
    const first = registry.list().find(readsText);
    return first ?? notFound('no model that reads text is loaded here');
  }
  const model = registry.get(id);
  return readsText(model) ? model : notFound(`the model ${JSON.stringify(id)} does not read text`);
}

function readsText(model: Model): model is TextModel {
  return model.kind !== 'raw';
}

function notFound(message: string): never {
  throw new KvasirError('model_not_found', message, { param: 'model' });
}
