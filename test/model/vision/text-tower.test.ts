import fc from 'fast-check';
import t from 'tap';
import { cutText, endOfText } from '#model/vision/text-tower.js';
import { runs } from '#test/support/property-runs.js';

t.test('texts are cut before their last token', async t => {
  t.same(cutText([1, 2, 3], 3), [1, 2, 3]);
  t.same(cutText([1, 2, 3, 4], 3), [1, 2, 4]);
  t.same(cutText([1, 2], 1), [2]);
  fc.assert(
    fc.property(fc.array(fc.nat(), { minLength: 1 }), fc.integer({ min: 1, max: 20 }), (ids, longest) => {
      const cut = cutText(ids, longest);
      return (
        cut.length === Math.min(ids.length, longest) &&
        cut.at(-1) === ids.at(-1) &&
        cut.slice(0, -1).every((id, i) => id === ids[i])
      );
    }),
    runs(100),
  );
});

t.test('the token that stands for a text', async t => {
  t.equal(endOfText([9, 4, 7, 7], 7), 2, 'the first end');
  t.equal(endOfText([9, 4, 8], 7), 0, 'without an end the first token');
  t.equal(endOfText([9, 2, 50, 4, 50], 2), 2, 'the first of the largest ids, where the end is misnamed');
});
