import { resolve } from 'node:path';
import { ModelConfig } from '../graph/config.js';
import type { Environment } from '../runtime/index.js';
import { loadGeneration, type GenerationOptions } from './load-generation.js';
import type { Model } from './types.js';

/**
 * Loads whatever model a folder holds.
 *
 * @throws KvasirError `invalid_model`, `unsupported_model`, `invalid_configuration`, `runtime_failure`, `runtime_unavailable`
 */
export async function loadModel(
  environment: Environment,
  folder: string,
  options: GenerationOptions,
): Promise<Model> {
  await ModelConfig.read(folder);
  return loadGeneration(environment, resolve(folder), options);
}
