import fc from 'fast-check';
import t from 'tap';
import { codePointOffsets } from '#text/code-points.js';
import { runs } from '#test/support/property-runs.js';

t.test('characters beyond the basic plane count once', async t => {
  const offset = codePointOffsets('a😀é😀b');
  t.strictSame([0, 1, 3, 4, 6, 7].map(offset), [0, 1, 2, 3, 4, 5]);
});

t.test('agrees with counting', async t => {
  const property = fc.property(fc.string({ unit: 'binary' }), text => {
    const offset = codePointOffsets(text);
    let units = 0;
    Array.from(text).forEach((character, index) => {
      t.equal(offset(units), index);
      units += character.length;
    });
    t.equal(offset(units), Array.from(text).length);
  });
  fc.assert(property, runs(100));
});

t.test('halves of pairs that stand alone are characters', async t => {
  const offset = codePointOffsets('\ude00a\ud83d');
  t.strictSame([0, 1, 2, 3].map(offset), [0, 1, 2, 3]);
});
