import { join } from 'node:path';
import { KvasirError } from '#errors.js';
import { ifThere, readJsonObject } from '#files.js';

/** What a model's folder says about how it is to be asked. */
export interface SpeechSettings {
  /** Undefined: its vocabulary tells. */
  readonly multilingual: boolean | undefined;
  /** Ids that are never written; undefined: whatever is not spoken. */
  readonly suppressedTokens: readonly number[] | undefined;
}

/**
 * Reads `is_multilingual` and `suppress_tokens` of `generation_config.json`. The rest of what it says of Whisper is the same
 * for all models, or is in the vocabulary.
 *
 * @throws KvasirError `invalid_model` where the file is broken.
 */
export async function readSpeechSettings(folder: string): Promise<SpeechSettings> {
  const file = join(folder, 'generation_config.json');
  const config = (await ifThere(readJsonObject(file))) ?? {};
  const { is_multilingual: multilingual, suppress_tokens: suppressed } = config;
  if (multilingual !== undefined && typeof multilingual !== 'boolean')
    throw new KvasirError('invalid_model', `${file}: is_multilingual is neither true nor false`);
  const isList = Array.isArray(suppressed) && suppressed.every(Number.isInteger);
  if (suppressed !== undefined && suppressed !== null && !isList)
    throw new KvasirError('invalid_model', `${file}: suppress_tokens is not a list of token ids`);
  return {
    multilingual,
    suppressedTokens: isList ? (suppressed as number[]) : undefined,
  };
}
