import { resolve } from 'node:path';
import { rawGraph } from '../model/raw-graph.js';
import type { Environment } from '../runtime/index.js';
import { loadEncoder, modelKind, type EncoderModelOptions } from './load-encoder.js';
import { loadGeneration, type GenerationOptions } from './load-generation.js';
import { loadRaw } from './load-raw.js';
import type { Model } from './types.js';

/** Settings of all kinds of models; each takes those that concern it. */
export type ModelOptions = GenerationOptions & Pick<EncoderModelOptions, 'batching'>;

/**
 * Loads whatever model a folder holds.
 *
 * @throws KvasirError `invalid_model`, `unsupported_model`, `invalid_configuration`, `runtime_failure`, `runtime_unavailable`
 */
export async function loadModel(
  environment: Environment,
  folder: string,
  options: ModelOptions,
): Promise<Model> {
  const path = resolve(folder);
  const graph = await rawGraph(path, options.precision);
  if (graph !== undefined) {
    const { id, session, engine } = options;
    return loadRaw(environment, path, graph, { id, session, maxWaiting: engine?.maxWaiting });
  }
  return (await modelKind(path)) === 'encoder'
    ? loadEncoder(environment, path, encoderOptions(options))
    : loadGeneration(environment, path, options);
}

/** The context length and the device are those of generators: encoders take what they were made for, and run on the processor. */
function encoderOptions({ id, format, precision, session, batching }: ModelOptions): EncoderModelOptions {
  return {
    id,
    format,
    precision,
    ...(session && { session: { ...session, device: undefined } }),
    ...(batching && { batching }),
  };
}
