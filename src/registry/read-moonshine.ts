import { KvasirError } from '#errors.js';
import { readGenerationConfig } from '#model/generation-config.js';
import { readGenerationDefaults } from '#model/generation-defaults.js';
import type { MoonshineModel } from '#speech/moonshine-service.js';

/** What a Moonshine's folder says of its texts. Their length is that of the sound, whatever `max_length` says. */
export type MoonshineSettings = Pick<MoonshineModel, 'start' | 'ends' | 'minTokens' | 'sampling' | 'beams'>;

/** @throws KvasirError `invalid_model`; `unsupported_model` for what would change its texts and is not written */
export async function readMoonshine(folder: string): Promise<MoonshineSettings> {
  const { startIds, minTokens, sampling, beams } = await readGenerationDefaults(folder);
  if (sampling.sourceNoRepeatNgram !== undefined || sampling.sourceRepetitionPenalty !== undefined)
    throw new KvasirError(
      'unsupported_model',
      `${folder}: generation_config.json compares texts with the tokens of a source, and a Moonshine's is sound`,
    );
  const { eosIds: ends } = await readGenerationConfig(folder);
  return { start: startIds, ends, minTokens, sampling, beams };
}
