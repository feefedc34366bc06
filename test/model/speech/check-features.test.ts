import { mkdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import t, { type Test } from 'tap';
import { melFilters } from '#graph/blocks/log-mel.js';
import type { SoundShape, WaveformShape } from '#model/decoder/contract.js';
import { checkFeatures } from '#model/speech/check-features.js';

const SHAPE = { bins: 80, frames: 3000 };
const WHISPER = {
  feature_extractor_type: 'WhisperFeatureExtractor',
  feature_size: 80,
  sampling_rate: 16_000,
  hop_length: 160,
  n_fft: 400,
  chunk_length: 30,
  n_samples: 480_000,
  nb_max_frames: 3000,
  padding_value: 0,
};

async function check(
  t: Test,
  settings: object,
  file = 'preprocessor_config.json',
  shape: SoundShape | WaveformShape = SHAPE,
): Promise<void> {
  const folder = t.testdir();
  await mkdir(folder, { recursive: true });
  await writeFile(path.join(folder, file), JSON.stringify(settings));
  await checkFeatures(folder, shape);
}

t.test("Whisper's own features", async t => {
  await checkFeatures(t.testdir(), SHAPE);
  await check(t, {});
  await check(t, WHISPER);
  await check(t, { feature_extractor: WHISPER }, 'processor_config.json');
  const filters = melFilters({ samplingRate: 16_000, window: 400, bins: 80 });
  await check(t, { ...WHISPER, mel_filters: filters });
  await check(t, { ...WHISPER, mel_filters: filters[0]!.map((_, i) => filters.map(row => row[i])) });
});

const [first, ...others] = melFilters({ samplingRate: 16_000, window: 400, bins: 80 });

for (const [field, value] of [
  ['feature_size', 128],
  ['sampling_rate', 8000],
  ['hop_length', 128],
  ['n_fft', 512],
  ['chunk_length', 15],
  ['nb_max_frames', 1500],
  ['padding_value', 1],
  ['dither', 0.1],
  ['do_normalize', true],
  ['feature_extractor_type', 'SeamlessM4TFeatureExtractor'],
  ['mel_filters', [first!.map(x => x * 1.01), ...others]],
  ['mel_filters', others],
  ['mel_filters', 'slaney'],
] as const)
  t.test(`another ${field} is refused by its name`, async t => {
    const refusal = { code: 'unsupported_model', message: new RegExp(field) };
    await t.rejects(check(t, { ...WHISPER, [field]: value }), refusal);
  });

const WAVEFORM = { shortest: 1600, longest: 480_000, positions: () => 1 };
const MOONSHINE = {
  feature_extractor_type: 'Wav2Vec2FeatureExtractor',
  feature_size: 1,
  sampling_rate: 16_000,
  padding_value: 0,
  do_normalize: false,
};

t.test('samples as they are', async t => {
  await checkFeatures(t.testdir(), WAVEFORM);
  await check(t, MOONSHINE, 'preprocessor_config.json', WAVEFORM);
  await check(t, { feature_extractor: MOONSHINE }, 'processor_config.json', WAVEFORM);
  for (const [field, value] of [
    ['sampling_rate', 8000],
    ['feature_size', 2],
    ['do_normalize', true],
    // Its class normalises where nothing is said.
    ['do_normalize', undefined],
    ['feature_extractor_type', 'WhisperFeatureExtractor'],
  ] as const)
    await t.rejects(check(t, { ...MOONSHINE, [field]: value }, 'preprocessor_config.json', WAVEFORM), {
      code: 'unsupported_model',
      message: new RegExp(field),
    });
});

t.test('in the newer file, too', async t => {
  const feature_extractor = { ...WHISPER, n_fft: 512 };
  await t.rejects(check(t, { feature_extractor }, 'processor_config.json'), { message: /n_fft/ });
});
