import fc from 'fast-check';
import t from 'tap';
import { TimestampRules, type TimestampRuleIds } from '#speech/timestamp-rules.js';
import { runs } from '#test/support/property-runs.js';

/** Text is below 6, 6 ends it, 7 and 8 are of prompts, 9 is without times, times are from 10 on. */
const IDS: TimestampRuleIds = {
  end: 6,
  noTimestamps: 9,
  timestampBegin: 10,
  suppressed: [2, 7],
  maxInitialTimestamp: 2,
};
const VOCABULARY = 20;

const isTimestamp = (id: number | undefined): boolean => id !== undefined && id >= IDS.timestampBegin;

/** Which ids may come behind others, by the rules as openai/whisper has them, each by itself. */
function allowed(written: readonly number[], logits: Float32Array): boolean[] {
  const ids = Array.from(logits.keys());
  const timestamps = written.filter(isTimestamp);
  const [last, beforeLast] = [written.at(-1), written.at(-2)];
  const pairIsOpen = isTimestamp(last) && written.length > 1 && !isTimestamp(beforeLast);
  const rules: ((id: number) => boolean)[] = [
    id => !IDS.suppressed.includes(id) && id !== IDS.noTimestamps,
    id => written.length > 0 || (isTimestamp(id) && id <= IDS.timestampBegin + IDS.maxInitialTimestamp),
    id => !isTimestamp(last) || pairIsOpen || !isTimestamp(id),
    id => !pairIsOpen || id >= IDS.end,
    id => !isTimestamp(id) || timestamps.length === 0 || id >= timestamps.at(-1)! + (pairIsOpen ? 0 : 1),
  ];
  const passes = ids.map(id => rules.every(rule => rule(id)));
  const sum = ids.reduce((sum, id) => sum + (passes[id]! && isTimestamp(id) ? Math.exp(logits[id]!) : 0), 0);
  const text = Math.max(...ids.map(id => (passes[id]! && !isTimestamp(id) ? Math.exp(logits[id]!) : 0)));
  return ids.map(id => passes[id]! && (isTimestamp(id) || sum <= text));
}

/** Logits that are far enough from each other for rounding not to matter. */
const logitsArbitrary = fc
  .array(fc.integer({ min: -60, max: 60 }), { minLength: VOCABULARY, maxLength: VOCABULARY })
  .map(values => Float32Array.from(values, (value, id) => value / 10 + id * 0.0123));

t.test('each rule by itself, at each step of any text', async t => {
  fc.assert(
    fc.property(fc.array(fc.tuple(logitsArbitrary, fc.nat()), { maxLength: 14 }), steps => {
      let rules = new TimestampRules(IDS);
      const written: number[] = [];
      for (const [logits, choice] of steps) {
        const expected = allowed(written, logits);
        const masked = logits.slice();
        rules.mask(masked);
        t.strictSame(
          Array.from(masked, value => value !== -Infinity),
          expected,
          JSON.stringify({ written }),
        );
        t.ok(
          masked.every((value, id) => value === logits[id] || value === -Infinity),
          'others are left as they are',
        );
        const possible = [...expected.keys()].filter(id => expected[id]! && id !== IDS.end);
        if (possible.length === 0) break;
        // One that goes its own way leaves this one as it is.
        const other = rules.fork();
        other.accept(possible[0]!);
        other.accept(possible.at(-1)!);
        const id = possible[choice % possible.length]!;
        rules.accept(id);
        rules = choice % 2 === 0 ? rules : rules.fork();
        written.push(id);
      }
    }),
    runs(300),
  );
});

t.test('something remains, and a text has the form that segments are read from', async t => {
  fc.assert(
    fc.property(fc.array(logitsArbitrary, { minLength: 1, maxLength: 30 }), steps => {
      const rules = new TimestampRules(IDS);
      const written: number[] = [];
      for (const logits of steps) {
        rules.mask(logits);
        const best = logits.indexOf(Math.max(...logits));
        t.not(logits[best], -Infinity);
        if (best === IDS.end) break;
        rules.accept(best);
        written.push(best);
      }
      const times = written.filter(isTimestamp);
      t.strictSame(
        times,
        times.toSorted((a, b) => a - b),
      );
      t.ok(isTimestamp(written[0]));
    }),
    runs(200),
  );
});
