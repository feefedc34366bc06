import { cp } from 'node:fs/promises';
import fc from 'fast-check';
import t from 'tap';
import { relativeError } from '#test/support/check-decoder.js';
import { encode, openSeq2Seq } from '#test/support/check-seq2seq.js';
import { runs as propertyRuns } from '#test/support/property-runs.js';
import { decode, prefill } from '#test/support/run-decoder.js';
import { madeUpSound, readSpeechFixture } from '#test/support/speech-fixtures.js';

const SLOTS = 5;
const slot = fc.nat(SLOTS - 1);
/** Which of a few sounds. */
const sound = fc.nat(3);
const operation = fc.oneof(
  fc.record({ kind: fc.constant('encode' as const), slot, sound }),
  fc.record({ kind: fc.constant('copy' as const), from: slot, to: slot }),
  fc.record({ kind: fc.constant('swap' as const), a: slot, b: slot }),
  fc.record({ kind: fc.constant('release' as const), slot }),
  // As many that what is read for nothing is moved.
  fc.record({ kind: fc.constant('step' as const), rows: slot, times: fc.constantFrom(1, 20) }),
);

t.test('wherever sources are, slots attend to their own', async t => {
  const { folder, shape } = await readSpeechFixture('whisper');
  const own = t.testdir();
  await cp(folder, own, { recursive: true });
  const decoder = await openSeq2Seq(t, own, 'f32', SLOTS);
  const sounds = [1, 2, 3, 4].map(seed => madeUpSound(shape, seed));
  const ids = [5, 7, 9, 11, 13];
  /** By sound and row: a decoder's first token alone. */
  const wanted: Float32Array[][] = [];
  for (const sound of sounds) {
    await encode(decoder, [{ slot: 0, ids: [], sound }]);
    const rows: Float32Array[] = [];
    for (const id of ids) rows.push(Float32Array.from(await decode(decoder, [id], [0])));
    wanted.push(rows);
  }
  t.ok(relativeError(wanted[0]![0]!, [[...wanted[1]![0]!]]) > 0.01, 'sounds differ');
  let [steps, shared] = [0, 0];
  await fc.assert(
    fc.asyncProperty(fc.array(operation, { minLength: 5, maxLength: 25 }), async operations => {
      await encode(decoder, [{ slot: 0, ids: [], sound: sounds[0]! }]);
      for (let to = 1; to < SLOTS; to++) decoder.arrange({ kind: 'copy', from: 0, to, length: 0 });
      const heard = Array.from({ length: SLOTS }, (): number | undefined => 0);
      for (const done of operations)
        switch (done.kind) {
          case 'encode':
            await encode(decoder, [{ slot: done.slot, ids: [], sound: sounds[done.sound]! }]);
            heard[done.slot] = done.sound;
            break;
          case 'copy':
            decoder.arrange({ kind: 'copy', from: done.from, to: done.to, length: 0 });
            heard[done.to] = heard[done.from];
            break;
          case 'swap':
            decoder.arrange({ kind: 'swap', a: done.a, b: done.b, length: 0 });
            [heard[done.a], heard[done.b]] = [heard[done.b], heard[done.a]];
            break;
          case 'release':
            decoder.arrange({ kind: 'release', slot: done.slot, from: 0 });
            heard[done.slot] = undefined;
            break;
          case 'step': {
            const first = heard.indexOf(undefined);
            const rows = Math.min(done.rows + 1, first < 0 ? SLOTS : first);
            if (rows === 0) break;
            if (new Set(heard.slice(0, rows)).size < rows) shared++;
            for (let time = 0; time < done.times; time++) {
              const found = await decode(
                decoder,
                ids.slice(0, rows),
                ids.slice(0, rows).map(() => 0),
              );
              const expected = ids.slice(0, rows).map((_, row) => [...wanted[heard[row]!]![row]!]);
              if (!(relativeError(found, expected) < 1e-5)) throw new Error('another source');
            }
            steps++;
          }
        }
    }),
    propertyRuns(60),
  );
  t.ok(steps > 20 && shared > 5, `${steps} steps, ${shared} with shared sources`);
});

t.test('a slot without a source cannot run, and leaves others alone', async t => {
  const { folder, runs } = await readSpeechFixture('whisper');
  const own = t.testdir();
  await cp(folder, own, { recursive: true });
  const decoder = await openSeq2Seq(t, own, 'f32', 2);
  await t.rejects(prefill(decoder, 1, [1, 2], 0, 'last'), { message: /slot 1 has no source/ });
  await encode(decoder, [{ slot: 0, ids: [], sound: runs[0]!.sound }]);
  t.equal((await decode(decoder, [1], [0])).length, decoder.shape.vocabularySize);
});
