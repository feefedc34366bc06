import t from 'tap';
import { tokenTimes } from '#speech/words/token-times.js';
import { WORDS_FIXTURE } from './words-fixture.js';

t.test('tokens begin where transformers has them begin', async t => {
  for (const { heads, tokens, part, weights, times } of WORDS_FIXTURE.paths) {
    const alignment = {
      heads,
      weights: Float32Array.from(weights),
      probabilities: new Float32Array(tokens - 1),
    };
    t.strictSame(await tokenTimes(alignment, part), times);
  }
});

t.test('heads that look nowhere in particular give times all the same', async t => {
  const alignment = {
    heads: 2,
    weights: new Float32Array(2 * 5 * 20).fill(1 / 20),
    probabilities: new Float32Array(4),
  };
  const times = await tokenTimes(alignment, { begin: 1, end: 4, positions: 10 });
  t.equal(times.length, 3);
  t.ok(times.every((time, index) => time >= (times[index - 1] ?? 0) && time < 10));
});
