import fc from 'fast-check';
import t from 'tap';
import type { Recording, SoundFeatures } from '#model/speech/types.js';
import { soundFeatures } from '#model/speech/sound-features.js';
import { Environment } from '#runtime/index.js';
import { logMel } from '#test/reference/log-mel.js';
import { runs as propertyRuns } from '#test/support/property-runs.js';
import { madeUpSamples, readLogMelFixtures } from '#test/support/speech-fixtures.js';

const environment = new Environment({ logLevel: 'fatal' });

function open(bins = 80, frames = 3000): SoundFeatures {
  const features = soundFeatures(environment, { bins, frames }, { intraOpThreads: 1 });
  t.teardown(() => features.dispose());
  return features;
}

async function heard(features: SoundFeatures, blocks: readonly Float32Array[]): Promise<Recording> {
  const recording = features.open();
  for (const block of blocks) await recording.append(block);
  await recording.end();
  return recording;
}

function furthest(actual: ArrayLike<number>, expected: ArrayLike<number>): number {
  let most = 0;
  for (let i = 0; i < expected.length; i++) {
    const off = Math.abs(actual[i]! - expected[i]!);
    // NaN is not within anything.
    most = off <= most ? most : off;
  }
  return most;
}

t.test('features as numpy has them in float64', async t => {
  const { seconds, features: wanted } = await readLogMelFixtures();
  const samples = madeUpSamples(seconds);
  for (const { bins, frames, kept, values } of wanted) {
    const recording = await heard(open(bins), [samples]);
    t.equal(recording.frames, frames);
    const window = recording.window(0, frames);
    t.equal(window.length, bins * 3000);
    const found = Array.from({ length: bins }, (_, bin) => kept.map(frame => window[bin * 3000 + frame]!));
    const off = furthest(found.flat(), values);
    t.ok(off < 1e-4, `${bins} bins: ${off.toExponential(1)}`);
    const behind = Array.from({ length: bins }, (_, bin) =>
      window.slice(bin * 3000 + frames, (bin + 1) * 3000),
    );
    t.ok(
      behind.every(row => row.every(value => value === 0)),
      'zeros behind the end',
    );
  }
});

const FEATURES = open(80, 60);

t.test('features as the formulas have them, whatever the blocks', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.integer({ min: 0, max: 4000 }),
      fc.array(fc.integer({ min: 1, max: 1500 }), { maxLength: 8 }),
      fc.boolean(),
      async (length, cuts, isShifted) => {
        const all = madeUpSamples(1);
        const samples = isShifted
          ? all.subarray(5000 - length / 2, 5000 + length / 2)
          : all.subarray(0, length);
        const blocks: Float32Array[] = [];
        let begin = 0;
        for (const cut of [...cuts, Infinity]) {
          blocks.push(samples.subarray(begin, begin + cut));
          begin += cut;
        }
        const recording = await heard(FEATURES, blocks);
        const frames = Math.floor(samples.length / 160);
        if (recording.frames !== frames) return false;
        const expected = logMel(samples, 80);
        const window = recording.window(0, frames);
        const found = expected.map((row, bin) => [...window.subarray(bin * 60, bin * 60 + row.length)]);
        return furthest(found.flat(), expected.flat()) < 1e-4;
      },
    ),
    propertyRuns(20),
  );
});

t.test('a recording of several pieces: each window is that of the whole', async t => {
  const samples = new Float32Array(Math.floor(64.321 * 16_000));
  // Sound at the beginning, across pieces, and at the end.
  for (const begin of [0, 29.5, 59.9, 64])
    samples.set(madeUpSamples(begin === 64 ? 0.321 : 1), begin * 16_000);
  const features = open(80, 500);
  const recording = features.open();
  await recording.append(samples.subarray(0, 31 * 16_000));
  t.equal(recording.frames, 3000, 'as far as no later sample changes them');
  await recording.append(samples.subarray(31 * 16_000));
  await recording.end();
  t.equal(recording.frames, 6432);
  const expected = logMel(samples, 80);
  for (const [seek, length] of [
    [0, 500],
    [2800, 500],
    [3000, 1],
    [5990, 442],
  ] as const) {
    const window = recording.window(seek, length);
    const wanted = expected.flatMap(row =>
      Array.from({ length: 500 }, (_, i) => (i < length ? row[seek + i]! : 0)),
    );
    const off = furthest(window, wanted);
    t.ok(off < 1e-4, `from ${seek}: ${off.toExponential(1)}`);
  }
});

t.test('short ones, down to nothing', async t => {
  for (const length of [0, 1, 159, 160, 200, 201, 800]) {
    const recording = await heard(FEATURES, [madeUpSamples(1).subarray(0, length)]);
    t.equal(recording.frames, Math.floor(length / 160), `${length} samples`);
    const window = recording.window(0, recording.frames);
    t.ok(window.every(Number.isFinite), 'numbers');
  }
  const silent = await heard(FEATURES, [new Float32Array(1600)]);
  const quiet = silent.window(0, 5).filter(value => value !== 0);
  t.equal(quiet.length, 80 * 5);
  t.ok(furthest(quiet, Array<number>(400).fill(-1.5)) < 1e-6, 'silence is the smallest power');
});

t.test('what is no sound is refused', async t => {
  for (const value of [NaN, Infinity, -1e30])
    await t.rejects(FEATURES.open().append(Float32Array.of(0, value)), {
      code: 'invalid_request',
      param: 'file',
    });
});
