import fc from 'fast-check';
import t from 'tap';
import { quietCuts } from '#speech/pieces/quiet-cuts.js';
import { runs } from '#test/support/property-runs.js';

t.test('a recording is cut in the middle of silence', async t => {
  const loudness = new Float32Array(400).fill(1);
  loudness.fill(0, 160, 180);
  loudness.fill(0, 70, 72);
  t.strictSame(quietCuts(loudness, { begin: 0, end: 400 }, { longest: 250, quiet: 20 }), [
    { begin: 0, end: 170 },
    { begin: 170, end: 400 },
  ]);
});

t.test('pieces follow each other, and are neither too long nor too short', async t => {
  fc.assert(
    fc.property(
      fc.array(fc.integer({ min: 0, max: 3 }), { maxLength: 200 }),
      fc.nat(50),
      fc.integer({ min: 2, max: 40 }),
      fc.integer({ min: 1, max: 10 }),
      (values, begin_, longest, quiet) => {
        const begin = Math.min(begin_, values.length);
        const pieces = quietCuts(
          Float32Array.from(values),
          { begin, end: values.length },
          { longest, quiet },
        );
        let at = begin;
        for (const [index, piece] of pieces.entries()) {
          t.equal(piece.begin, at);
          t.ok(piece.end - piece.begin <= longest);
          if (index + 1 < pieces.length) t.ok(piece.end - piece.begin >= longest / 2);
          at = piece.end;
        }
        t.equal(at, values.length);
      },
    ),
    runs(200),
  );
});
