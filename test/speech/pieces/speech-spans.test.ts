import fc from 'fast-check';
import t from 'tap';
import { joinSpans, speechSpans } from '#speech/pieces/speech-spans.js';
import { runs } from '#test/support/property-runs.js';

const RULES = { threshold: 0.5, silence: 3, padding: 1 };

t.test('speech begins when it is certain, and ends in silence', async t => {
  const probabilities = Float32Array.of(0, 0.4, 0.6, 0.4, 0.1, 0.9, 0.2, 0.2, 0.2, 0.2, 0.7, 0, 0);
  t.strictSame(speechSpans(probabilities, RULES), [
    { begin: 1, end: 7 },
    { begin: 9, end: 12 },
  ]);
  t.strictSame(speechSpans(probabilities, { ...RULES, silence: 5 }), [{ begin: 1, end: 12 }]);
  t.strictSame(speechSpans(new Float32Array(50), RULES), []);
});

t.test('all speech is in a piece, and nothing twice', async t => {
  const probability = fc.integer({ min: 0, max: 20 }).map(value => value / 20);
  fc.assert(
    fc.property(
      fc.array(probability, { maxLength: 120 }),
      fc.nat(6),
      fc.nat(4),
      fc.integer({ min: 2, max: 30 }),
      (values, silence, padding, longest) => {
        const probabilities = Float32Array.from(values);
        const spans = speechSpans(probabilities, { threshold: 0.5, silence, padding });
        const pieces = joinSpans(spans, probabilities, { longest, quiet: 2 });
        let end = 0;
        for (const piece of pieces) {
          t.ok(piece.begin >= end && piece.end > piece.begin && piece.end - piece.begin <= longest);
          end = piece.end;
        }
        t.ok(end <= values.length);
        values.forEach((value, point) => {
          if (value >= 0.5) t.ok(pieces.some(({ begin, end }) => begin <= point && point < end));
        });
      },
    ),
    runs(200),
  );
});
