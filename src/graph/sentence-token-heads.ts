import { existsSync } from 'node:fs';
import path from 'node:path';
import { KvasirError } from '#errors.js';
import { openWeightsFile } from './weights/checkpoint.js';

/**
 * What an embedder makes of each token beside the pooled vector: a weight of it and a vector to be compared (BGE-M3, Chen
 * et al. 2024).
 */
export interface TokenHeads {
  /** Names of the files in the model's folder. */
  readonly weightFile: string;
  readonly vectorFile: string;
  /** Width of a token's vector. */
  readonly dimension: number;
}

/**
 * Finds the layers of BGE-M3 beside a model.
 *
 * @returns undefined where there are none.
 * @throws KvasirError `invalid_model` where one is broken; `unsupported_model` where there is only one
 */
export async function readTokenHeads(folder: string): Promise<TokenHeads | undefined> {
  const [weightFile, vectorFile] = ['sparse_linear', 'colbert_linear'].map(name =>
    ['safetensors', 'pt']
      .map(ending => `${name}.${ending}`)
      .find(file => existsSync(path.join(folder, file))),
  );
  if (weightFile === undefined && vectorFile === undefined) return undefined;
  if (weightFile === undefined || vectorFile === undefined)
    throw new KvasirError(
      'unsupported_model',
      `${folder}: there is ${weightFile ?? vectorFile}, but no ${weightFile === undefined ? 'sparse_linear' : 'colbert_linear'}: a model of BGE-M3 has both`,
    );
  const file = path.join(folder, vectorFile);
  const store = await openWeightsFile(file);
  try {
    const [dimension, ...rest] = store.tensors.get('weight')?.shape ?? [];
    if (dimension === undefined || dimension === 0 || rest.length !== 1)
      throw new KvasirError('invalid_model', `${file} has no matrix 'weight'`);
    return { weightFile, vectorFile, dimension };
  } finally {
    await store.close();
  }
}
