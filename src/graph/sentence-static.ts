import path from 'node:path';
import { KvasirError } from '#errors.js';
import { ModelConfig } from './config.js';
import { SafetensorsFile } from './weights/safetensors.js';

/** `model_type` of a table of vectors, which has no config.json of its own. */
export const STATIC_EMBEDDING = 'static-embedding';

/** Texts have no end that the model sets: of what is longer, nobody has the mean. */
const LONGEST_TEXT = 2 ** 17;

/**
 * What config.json would say of a StaticEmbedding module of sentence-transformers, or of a model2vec: a table of
 * vectors, whose sizes its weights tell.
 *
 * @param folder of the module.
 * @throws KvasirError `invalid_model` where the weights are missing or broken
 */
export async function readStaticConfig(folder: string): Promise<ModelConfig> {
  const file = path.join(folder, 'model.safetensors');
  const opened = await SafetensorsFile.open(file);
  try {
    const table = opened.tensors.get('embedding.weight') ?? opened.tensors.get('embeddings');
    if (table?.shape.length !== 2)
      throw new KvasirError('invalid_model', `${file} has no table 'embedding.weight' or 'embeddings'`);
    const [rows, width] = table.shape;
    return new ModelConfig(file, {
      model_type: STATIC_EMBEDDING,
      rows,
      hidden_size: width,
      vocab_size: opened.tensors.get('mapping')?.shape[0] ?? rows,
      max_position_embeddings: LONGEST_TEXT,
    });
  } finally {
    await opened.close();
  }
}
