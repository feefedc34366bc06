import { existsSync } from 'node:fs';
import path from 'node:path';
import { melFilters } from '#graph/blocks/log-mel.js';
import { ModelConfig } from '#graph/config.js';
import { isWaveform } from '#graph/assembly/seq2seq/sound-shape.js';
import type { SoundShape, WaveformShape } from '../decoder/contract.js';
import { HOP, SAMPLING_RATE, WINDOW } from './types.js';

/** How far filters that a file lists may be from computed ones, which are at most some hundredths. */
const TOLERANCE = 1e-6;

/**
 * Holds what a folder says of its features against what is computed. Folders without such a file have those of their
 * family's makers.
 *
 * @throws KvasirError `invalid_model` where the file is broken, `unsupported_model` where it wants other features
 */
export async function checkFeatures(folder: string, shape: SoundShape | WaveformShape): Promise<void> {
  const settings = await featureSettings(folder);
  if (settings === undefined) return;
  if (isWaveform(shape)) checkSamples(settings);
  else checkLogMel(settings, shape);
}

/** Samples are read as they are. */
function checkSamples(settings: ModelConfig): void {
  settings.choice('feature_extractor_type', ['Wav2Vec2FeatureExtractor'], 'Wav2Vec2FeatureExtractor');
  checkSizes(settings, { feature_size: 1, sampling_rate: SAMPLING_RATE });
  if (settings.flag('do_normalize', true)) settings.unsupported('do_normalize is true');
}

function checkLogMel(settings: ModelConfig, shape: SoundShape): void {
  settings.choice('feature_extractor_type', ['WhisperFeatureExtractor'], 'WhisperFeatureExtractor');
  checkSizes(settings, {
    feature_size: shape.bins,
    sampling_rate: SAMPLING_RATE,
    hop_length: HOP,
    n_fft: WINDOW,
    chunk_length: (shape.frames * HOP) / SAMPLING_RATE,
    n_samples: shape.frames * HOP,
    nb_max_frames: shape.frames,
  });
  for (const name of ['padding_value', 'dither'])
    if (settings.finite(name, 0) !== 0) settings.unsupported(`${name} is not 0`);
  if (settings.flag('do_normalize', false)) settings.unsupported('do_normalize is true');
  if (settings.has('mel_filters') && !areComputed(settings.value('mel_filters'), shape.bins))
    settings.unsupported(`mel_filters are others than Slaney's ${shape.bins}`);
}

function checkSizes(settings: ModelConfig, wanted: Readonly<Record<string, number>>): void {
  for (const [name, value] of Object.entries(wanted))
    if (settings.has(name) && settings.size(name) !== value)
      settings.unsupported(`${name} is ${settings.size(name)}, and not ${value} as the model has it`);
}

/** Newer folders may have them as a section of the processor's file. */
async function featureSettings(folder: string): Promise<ModelConfig | undefined> {
  const [file, newer] = ['preprocessor_config.json', 'processor_config.json'];
  if (existsSync(path.join(folder, file))) return ModelConfig.read(folder, file);
  if (!existsSync(path.join(folder, newer))) return undefined;
  return (await ModelConfig.read(folder, newer)).section('feature_extractor');
}

/** Whether a table, `[bins, frequencies]` or the other way round, is what is computed. */
function areComputed(table: unknown, bins: number): boolean {
  const computed = melFilters({ samplingRate: SAMPLING_RATE, window: WINDOW, bins });
  const isTurned = Array.isArray(table) && table.length === computed[0]!.length;
  const wanted = isTurned ? computed[0]!.map((_, i) => computed.map(filter => filter[i]!)) : computed;
  return (
    Array.isArray(table) &&
    table.length === wanted.length &&
    wanted.every((row, i) => {
      const given: unknown = table[i];
      return (
        Array.isArray(given) &&
        given.length === row.length &&
        row.every((value, j) => Math.abs(value - Number(given[j])) <= TOLERANCE)
      );
    })
  );
}
