import { mkdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import t, { type Test } from 'tap';
import { melFilters } from '#graph/blocks/log-mel.js';
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

async function check(t: Test, settings: object, file = 'preprocessor_config.json'): Promise<void> {
  const folder = t.testdir();
  await mkdir(folder, { recursive: true });
  await writeFile(path.join(folder, file), JSON.stringify(settings));
  await checkFeatures(folder, SHAPE);
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

t.test('in the newer file, too', async t => {
  const feature_extractor = { ...WHISPER, n_fft: 512 };
  await t.rejects(check(t, { feature_extractor }, 'processor_config.json'), { message: /n_fft/ });
});
