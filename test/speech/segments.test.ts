import fc from 'fast-check';
import t from 'tap';
import { splitByTimestamps } from '#speech/segments.js';
import { runs } from '#test/support/property-runs.js';

const BEGIN = 100;
/** The token of a time in seconds. */
const at = (seconds: number): number => BEGIN + Math.round(seconds * 50);

t.test('segments end where two times stand side by side', async t => {
  const tokens = [at(0), 1, 2, at(2), at(2.5), 3, at(4), at(4), 4, 5];
  t.match(splitByTimestamps(tokens, BEGIN, { seek: 1000, length: 3000 }), {
    segments: [
      { start: 10, end: 12, tokens: [at(0), 1, 2, at(2)] },
      { start: 12.5, end: 14, tokens: [at(2.5), 3, at(4)] },
    ],
    // What has not ended is heard again.
    seek: 1400,
    endsWithSingleTimestamp: false,
  });
});

t.test('behind a single time at the end is silence', async t => {
  const tokens = [at(0), 1, at(2), at(2), 2, at(3)];
  t.match(splitByTimestamps(tokens, BEGIN, { seek: 0, length: 500 }), {
    segments: [{ tokens: tokens.slice(0, 3) }, { start: 2, end: 3, tokens: tokens.slice(3) }],
    seek: 500,
    endsWithSingleTimestamp: true,
  });
});

t.test('without a pair of times, all is one segment, as long as its last time or the window', async t => {
  const place = { seek: 200, length: 700 };
  t.match(splitByTimestamps([at(0), 1, at(3)], BEGIN, place), {
    segments: [{ start: 2, end: 5 }],
    seek: 900,
  });
  t.match(splitByTimestamps([at(0), 1, 2], BEGIN, place), { segments: [{ start: 2, end: 9 }], seek: 900 });
});

t.test('segments are all that was written up to where the window ends', async t => {
  const token = fc.oneof(
    fc.nat(9),
    fc.nat(1500).map(time => BEGIN + time),
  );
  fc.assert(
    fc.property(fc.array(token, { maxLength: 20 }), said => {
      const tokens = [at(0), ...said];
      const { segments, seek } = splitByTimestamps(tokens, BEGIN, { seek: 0, length: 3000 });
      const told = segments.flatMap(({ tokens }) => tokens);
      t.strictSame(told, tokens.slice(0, told.length));
      t.ok(seek >= 0);
    }),
    runs(200),
  );
});
