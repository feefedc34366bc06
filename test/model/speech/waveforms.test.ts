import fc from 'fast-check';
import t from 'tap';
import { Waveforms } from '#model/speech/waveforms.js';
import { runs } from '#test/support/property-runs.js';

t.test('windows are the samples of their frames, however they came', async t => {
  const blocks = fc.array(fc.integer({ min: 0, max: 200_000 }), { maxLength: 6 });
  await fc.assert(
    fc.asyncProperty(blocks, fc.nat(8000), fc.integer({ min: 1, max: 3000 }), async (lengths, at, length) => {
      const all = Float32Array.from({ length: lengths.reduce((sum, one) => sum + one, 0) }, (_, i) =>
        Math.sin(i),
      );
      const recording = new Waveforms(480_000).open();
      let heard = 0;
      for (const one of lengths) {
        await recording.append(all.subarray(heard, heard + one));
        heard += one;
        t.equal(recording.frames, Math.floor(heard / 160), 'what no later sample changes');
      }
      await recording.end();
      t.equal(recording.frames, Math.ceil(all.length / 160), 'the last one may not be whole');
      const seek = Math.min(at, Math.max(0, recording.frames - 1));
      const end = Math.min(all.length, (seek + length) * 160);
      t.strictSame(recording.window(seek, length), all.slice(seek * 160, end));
    }),
    runs(20),
  );
});

t.test('samples that are no sound are refused', async t => {
  const recording = new Waveforms(480_000).open();
  t.throws(() => recording.append(Float32Array.of(0, NaN)), { code: 'invalid_request' });
  t.throws(() => recording.append(Float32Array.of(1e20)), { code: 'invalid_request' });
});
