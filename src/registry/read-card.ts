import path from 'node:path';
import { describeChatTemplate } from '#chat/template.js';
import { servedLengths } from '#model/decoder/seq2seq/seq2seq-lengths.js';
import { readModelFolder, type FolderOptions } from '#model/folder.js';
import { readGenerationConfig } from '#model/generation-config.js';
import { readGenerationDefaults } from '#model/generation-defaults.js';
import { readSamplingConfig, type GenerationConfigUse } from '#model/sampling-config.js';
import { readSpeechSettings } from '#speech/settings.js';
import { findSpecialTokens } from '#speech/special-tokens.js';
import { loadTokenizer, requireTokenizerFiles } from '#text/tokenizer.js';
import { isTranslator, loadLanguageCodes, type LanguageCodes } from '#text/languages/language-codes.js';
import { readMoonshine } from './read-moonshine.js';
import {
  encoderCard,
  generatorCard,
  sourcedCard,
  speechCard,
  TENSORS_CARD,
  towersCard,
  translatedLanguages,
  visionCard,
  type ModelCard,
} from './card.js';

export interface CardOptions extends FolderOptions {
  /**
   * Load the tokenizer, to find out whether it can be used: that may take a second. Default: it only has to
   * be there.
   */
  readonly withTokenizer?: boolean | undefined;
  /** Of a generator, whether its generation_config.json says how tokens are drawn; default `auto`. */
  readonly generationConfig?: GenerationConfigUse | undefined;
  /** Of an encoder, whether it is to cut inputs that are too long. */
  readonly autoTruncate?: boolean | undefined;
}

/**
 * The card of the model in a folder, without loading it. What loading would refuse is refused here, with the
 * same words, as far as it can be known without the weights' elements: `inspect` and `build` ask here first.
 *
 * @throws KvasirError `invalid_model`, `unsupported_model`, `invalid_configuration`
 */
export async function readCard(
  folder: string,
  { withTokenizer = false, ...options }: CardOptions = {},
): Promise<ModelCard> {
  const read = await readModelFolder(folder, options);
  switch (read.kind) {
    case 'raw':
      return TENSORS_CARD;
    case 'encoder': {
      const { task, labels, modules, sentences } = read.description;
      await requireTokenizer(path.join(folder, modules.encoderFolder), withTokenizer);
      const hasTokenHeads = sentences.hasTokenHeads && read.plan.source === 'weights';
      const { autoTruncate } = options;
      return encoderCard(task, read.contextLength, labels, { autoTruncate, hasTokenHeads });
    }
    case 'vision':
      return visionCard(read.description.task, read.description.labels);
    case 'towers': {
      await requireTokenizer(folder, withTokenizer);
      return towersCard(read.description.contextLength, options.autoTruncate);
    }
    case 'seq2seq': {
      const { sound } = read.sizes;
      if (sound !== undefined && 'positions' in sound) {
        await requireTokenizer(folder, withTokenizer);
        await readMoonshine(folder);
        return speechCard({ languages: [], translates: false, tellsTimes: false });
      }
      if (sound !== undefined) return readSpeechCard(folder);
      const languages = await readLanguages(folder, read.config.modelType, withTokenizer);
      await readGenerationConfig(folder);
      await readGenerationDefaults(folder);
      const { contextLength } = servedLengths(folder, read.sizes, options.contextLength);
      return sourcedCard(contextLength, translatedLanguages(languages));
    }
    case 'decoder': {
      await requireTokenizer(folder, withTokenizer);
      const chat = await describeChatTemplate(folder);
      await readGenerationConfig(folder);
      const sampling = await readSamplingConfig(folder, options.generationConfig);
      return generatorCard(options.contextLength ?? read.sizes.contextLength, chat, sampling);
    }
  }
}

/** What a model hears is in its vocabulary: its tokenizer is loaded in any case. */
async function readSpeechCard(folder: string): Promise<ModelCard> {
  const { multilingual } = await readSpeechSettings(folder);
  const { languages, tasks } = findSpecialTokens(await loadTokenizer(folder), multilingual);
  return speechCard({
    languages: languages.size > 0 ? [...languages.keys()] : ['en'],
    translates: tasks !== undefined,
    tellsTimes: true,
  });
}

/** A translator's are in its vocabulary: then its tokenizer is loaded in any case. */
async function readLanguages(
  folder: string,
  modelType: string,
  load: boolean,
): Promise<LanguageCodes | undefined> {
  if (isTranslator(modelType)) return loadLanguageCodes(folder, await loadTokenizer(folder));
  await requireTokenizer(folder, load);
  return undefined;
}

async function requireTokenizer(folder: string, load: boolean): Promise<void> {
  await (load ? loadTokenizer(folder) : requireTokenizerFiles(folder));
}
