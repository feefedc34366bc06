import { resolve } from 'node:path';
import type { Environment } from '../runtime/index.js';
import { loadGeneration, type GenerationOptions } from './load-generation.js';
import type { Model } from './types.js';

/** Loads whatever model a folder holds. */
export async function loadModel(
  environment: Environment,
  folder: string,
  options: GenerationOptions,
): Promise<Model> {
  return loadGeneration(environment, resolve(folder), options);
}
