import { readGenerationConfig } from '#model/generation-config.js';
import { readGenerationDefaults } from '#model/generation-defaults.js';
import { loadSeq2Seq } from '#model/decoder/load-seq2seq.js';
import type { Environment } from '#runtime/index.js';
import { loadTokenizer } from '#text/tokenizer.js';
import { loadLanguageCodes } from '#text/languages/language-codes.js';
import { translatedLanguages } from './card.js';
import { generationModel } from './models.js';
import { loadedGenerator, type GenerationOptions } from './loaded-generator.js';
import type { GenerationModel } from './types.js';

/**
 * Loads an encoder-decoder's folder in the Hugging Face layout as a model that writes another text for each
 * source.
 *
 * @throws KvasirError `invalid_model`, `unsupported_model`, `invalid_configuration`, `runtime_failure`,
 * `runtime_unavailable`
 */
export async function loadSeq2SeqModel(
  environment: Environment,
  folder: string,
  options: GenerationOptions,
): Promise<GenerationModel> {
  const tokenizer = await loadTokenizer(folder);
  const { bosId, eosIds } = await readGenerationConfig(folder);
  const defaults = await readGenerationDefaults(folder);
  const languages = await loadLanguageCodes(folder, tokenizer);
  const loaded = await loadSeq2Seq(environment, folder, options);
  const parts = loadedGenerator(folder, tokenizer, loaded, options);
  return generationModel({
    ...parts,
    eosIds,
    bosId,
    chat: undefined,
    sourced: {
      longestSource: parts.engine.sourceLength!,
      startIds: defaults.startIds,
      defaults,
      languages,
      translates: translatedLanguages(languages),
    },
  });
}
