import { basename, resolve } from 'node:path';
import { Engine, type EngineOptions } from '../engine/engine.js';
import { readGenerationConfig } from '../model/generation-config.js';
import { loadDecoder, type DecoderOptions } from '../model/load-decoder.js';
import type { Environment } from '../runtime/index.js';
import { loadTokenizer } from '../text/tokenizer.js';
import type { GenerationModel } from './types.js';

export interface GenerationOptions extends DecoderOptions {
  /** The name that requests use; by default the folder's. */
  readonly id?: string | undefined;
  readonly engine?: Partial<EngineOptions>;
}

/**
 * Loads a model folder in the Hugging Face layout as a generator.
 *
 * @throws KvasirError `invalid_model`, `unsupported_model`, `invalid_configuration`, `runtime_failure`, `runtime_unavailable`
 */
export async function loadGeneration(
  environment: Environment,
  folder: string,
  options: GenerationOptions,
): Promise<GenerationModel> {
  const tokenizer = await loadTokenizer(folder);
  const { bosId, eosIds } = await readGenerationConfig(folder);
  const engine = new Engine(await loadDecoder(environment, folder, options), tokenizer, options.engine);
  return {
    kind: 'generation',
    id: options.id ?? basename(resolve(folder)),
    created: Math.floor(Date.now() / 1000),
    tokenizer,
    contextLength: engine.contextLength,
    engine,
    eosIds,
    bosId,
    close: () => engine.close(),
  };
}
