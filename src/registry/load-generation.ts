import { loadChatTemplate } from '#chat/template.js';
import { readGenerationConfig } from '#model/generation-config.js';
import { readSamplingConfig } from '#model/sampling-config.js';
import { loadDecoder } from '#model/decoder/load-decoder.js';
import type { Environment } from '#runtime/index.js';
import { loadTokenizer } from '#text/tokenizer.js';
import { IsolatedTemplate } from '#offload/isolated-template.js';
import { STRANGERS } from '#offload/pools.js';
import { generationModel } from './models.js';
import { loadedGenerator, type GenerationOptions } from './loaded-generator.js';
import type { GenerationModel } from './types.js';

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
  const { bosId, eosIds } = await readGenerationConfig(folder, tokenizer);
  const sampling = await readSamplingConfig(folder, options.generationConfig, options.onWarning);
  const loaded = await loadDecoder(environment, folder, options);
  return generationModel({
    ...loadedGenerator(folder, tokenizer, loaded, options),
    eosIds,
    bosId,
    sampling,
    chat: chat && new IsolatedTemplate(chat, STRANGERS),
  });
}
