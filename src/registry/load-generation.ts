import { basename, resolve } from 'node:path';
import { Engine, type EngineOptions } from '../engine/engine.js';
import { KvasirError } from '../errors.js';
import { buildDecoder } from '../graph/build.js';
import { SlotDecoder } from '../model/decoder.js';
import { readGenerationConfig } from '../model/generation-config.js';
import { Session, type Environment, type SessionSettings } from '../runtime/index.js';
import { loadTokenizer } from '../text/tokenizer.js';
import type { GenerationModel } from './types.js';

export interface GenerationOptions {
  /** The name that requests use; by default the folder's. */
  readonly id?: string | undefined;
  /** Sequences that run at once; at least 1. */
  readonly slots: number;
  /** Longest sequence to serve, in tokens; at most, and by default, the model's own. */
  readonly contextLength?: number | undefined;
  readonly session?: SessionSettings;
  readonly engine?: Partial<EngineOptions>;
}

/**
 * Builds and loads the decoder of a model folder in the Hugging Face layout.
 *
 * @throws KvasirError `invalid_model`, `unsupported_model`, `invalid_configuration`, `runtime_failure`, `runtime_unavailable`
 */
export async function loadGeneration(
  environment: Environment,
  folder: string,
  options: GenerationOptions,
): Promise<GenerationModel> {
  const id = options.id ?? basename(resolve(folder));
  const { graphPath, sizes, cacheHeadSize } = await buildDecoder(folder);
  const { contextLength = sizes.contextLength } = options;
  if (contextLength > sizes.contextLength) {
    throw new KvasirError(
      'invalid_configuration',
      `${id}: a context of ${contextLength} tokens was asked for, but the model's is ${sizes.contextLength}`,
    );
  }
  const tokenizer = await loadTokenizer(folder);
  const { bosId, eosIds } = await readGenerationConfig(folder);
  const session = await Session.load(environment, graphPath, options.session);
  const shape = {
    layers: sizes.layers,
    kvHeads: sizes.kvHeads,
    headSize: cacheHeadSize,
    vocabularySize: sizes.vocabularySize,
    contextLength,
  };
  let decoder: SlotDecoder;
  try {
    decoder = new SlotDecoder(session, shape, options.slots);
  } catch (error) {
    session.dispose();
    throw error;
  }
  const engine = new Engine(decoder, tokenizer, options.engine);
  return {
    kind: 'generation',
    id,
    created: Math.floor(Date.now() / 1000),
    tokenizer,
    contextLength,
    engine,
    eosIds,
    bosId,
    close: () => engine.close(),
  };
}
