import { basename, resolve } from 'node:path';
import { loadChatTemplate } from '#chat/template.js';
import type { EngineOptions } from '#engine/engine-options.js';
import { readGenerationConfig } from '#model/generation-config.js';
import { loadDecoder, type DecoderOptions } from '#model/decoder/load-decoder.js';
import type { Environment } from '#runtime/index.js';
import { loadTokenizer } from '#text/tokenizer.js';
import { IsolatedTemplate } from '#offload/isolated-template.js';
import { STRANGERS, STRUCTURES } from '#offload/pools.js';
import { StructureService } from '#offload/structure-service.js';
import { textService } from './text-service.js';
import { generationModel } from './models.js';
import { openEngine } from './open-engine.js';
import type { GenerationModel } from './types.js';

export interface GenerationOptions extends DecoderOptions {
  /** The name that requests use; by default the folder's. */
  readonly id?: string | undefined;
  readonly engine?: Partial<EngineOptions>;
  /**
   * How many bytes the KV cache may take where `cacheBytes` does not say it; one whole sequence fits
   * nevertheless. By default as many as all slots full need.
   */
  readonly cacheShare?: number | undefined;
  /** Most tokens to generate for one sequence, whatever a request asks for. */
  readonly maxTokens?: number | undefined;
}

/**
 * Loads a model folder in the Hugging Face layout as a generator.
 *
 * @throws KvasirError `invalid_model`, `unsupported_model`, `invalid_configuration`, `runtime_failure`,
 * `runtime_unavailable`
 */
export async function loadGeneration(
  environment: Environment,
  folder: string,
  options: GenerationOptions,
): Promise<GenerationModel> {
  const tokenizer = await loadTokenizer(folder);
  const chat = await loadChatTemplate(folder, tokenizer);
  const { bosId, eosIds } = await readGenerationConfig(folder);
  const loaded = await loadDecoder(environment, folder, options);
  const engine = openEngine(loaded, tokenizer, options, options.engine);
  return generationModel({
    id: options.id ?? basename(resolve(folder)),
    tokenizer,
    texts: textService(tokenizer, folder),
    structures: new StructureService(tokenizer, STRUCTURES),
    engine,
    eosIds,
    bosId,
    path: loaded.path,
    device: options.session?.device?.name ?? 'cpu',
    chat: chat && new IsolatedTemplate(chat, STRANGERS),
    maxTokens: options.maxTokens,
  });
}
