import fc from 'fast-check';
import t from 'tap';
import { Resampler } from '#audio/resample.js';
import { sampled } from '#test/support/known-sound.js';
import { joinBlocks } from '#test/support/decode-bytes.js';
import { runs } from '#test/support/property-runs.js';

const RATES = [100, 4000, 8000, 11_025, 12_000, 22_050, 22_255, 44_100, 48_000, 192_000, 399_989, 400_000];

function resample(samples: Float32Array, rate: number, cuts: readonly number[] = []): Float32Array {
  const resampler = new Resampler(rate);
  const ends = [...cuts.map(cut => cut % (samples.length + 1)).sort((a, b) => a - b), samples.length];
  const parts = ends.map((end, i) => resampler.push(samples.subarray(ends[i - 1] ?? 0, end)));
  return joinBlocks([...parts, resampler.end()]);
}

function sine(frequency: number): (t: number) => number {
  return t => Math.sin(2 * Math.PI * frequency * t + 0.3);
}

/** The largest difference but for the edges, where the filter meets the silence around the sound. */
function largestDifference(sound: Float32Array, expected: Float32Array, edge: number): number {
  let largest = 0;
  for (let i = edge; i < expected.length - edge; i++)
    largest = Math.max(largest, Math.abs(sound[i]! - expected[i]!));
  return largest;
}

t.test('a sine of any rate has the values of that sine at 16 kHz', async t => {
  for (const rate of RATES) {
    const lower = Math.min(rate, 16_000);
    const seconds = Math.max(0.1, 200 / lower);
    const edge = Math.ceil((30 * 16_000) / lower);
    for (const share of [0.1, 0.4]) {
      const tone = sine(share * lower);
      const samples = sampled(tone, rate, seconds);
      const sound = resample(samples, rate);
      const expected = sampled(tone, 16_000, samples.length / rate);
      t.equal(sound.length, expected.length, `${rate} Hz: as long`);
      const largest = largestDifference(sound, expected, edge);
      t.ok(largest < 1e-4, `${rate} Hz, a tone of ${share * lower} Hz: ${largest}`);
    }
  }
});

t.test('what 16 kHz cannot carry is left out', async t => {
  for (const [rate, frequency] of [
    [22_050, 9500],
    [44_100, 12_000],
    [48_000, 9000],
    [192_000, 60_000],
  ] as const) {
    const sound = resample(sampled(sine(frequency), rate, 0.2), rate);
    const largest = largestDifference(sound, new Float32Array(sound.length), 60);
    t.ok(largest < 1e-3, `${frequency} Hz of ${rate} Hz: ${largest}`);
  }
});

t.test('silence stays silence, and a constant one that constant', async t => {
  const sound = resample(new Float32Array(4410).fill(0.5), 44_100);
  t.ok(sound.subarray(60, -60).every(sample => Math.abs(sample - 0.5) < 1e-6));
  t.ok(resample(new Float32Array(4410), 44_100).every(sample => sample === 0));
  t.equal(resample(new Float32Array(), 44_100).length, 0);
});

t.test('however samples are cut, the result is the same, and as long as it should be', async () => {
  const property = fc.property(
    fc.oneof(fc.constantFrom(...RATES), fc.integer({ min: 1, max: 400_000 })),
    fc.nat(3000),
    fc.array(fc.nat(3000), { maxLength: 6 }),
    fc.nat(),
    (rate, length, cuts, seed) => {
      const samples = Float32Array.from({ length }, (_, i) => Math.sin((i + 1) * (1 + seed)));
      // A low rate becomes many samples.
      const few = samples.subarray(0, Math.max(1, Math.min(length, rate)));
      const whole = resample(few, rate);
      const cut = resample(few, rate, cuts);
      return (
        whole.length === Math.round((few.length * 16_000) / rate) &&
        Buffer.from(whole.buffer).equals(Buffer.from(cut.buffer))
      );
    },
  );
  fc.assert(property, runs(30));
});
