import fc from 'fast-check';
import t from 'tap';
import { runs } from '#test/support/property-runs.js';
import { targetSize } from '#vision/target-size.js';

t.test('sizes are rounded as transformers does', t => {
  const photo = { width: 640, height: 427 };
  t.same(targetSize(photo, { width: 10, height: 20 }), { width: 10, height: 20 });
  t.same(targetSize(photo, { shortest: 224 }), { width: 335, height: 224 });
  t.same(targetSize({ width: 427, height: 640 }, { shortest: 224 }), { width: 224, height: 335 });
  t.same(targetSize(photo, { shortest: 224, longest: 1000 }), { width: 335, height: 224 });
  // 300 * 427 / 640 is 200.16: the shorter edge is rounded, the longer one is made of what it was before.
  t.same(targetSize(photo, { shortest: 224, longest: 300 }), { width: 300, height: 200 });
  t.same(targetSize(photo, { maxWidth: 300, maxHeight: 300 }), { width: 300, height: 200 });
  t.same(targetSize({ width: 1, height: 5000 }, { maxWidth: 300, maxHeight: 300 }), {
    width: 0,
    height: 300,
  });
  t.end();
});

t.test('a half goes to the even neighbour, as in Python', t => {
  // 5 * 2 / 4 is 2.5, and 7 * 2 / 4 is 3.5. A shorter edge that is right already stays, and the longer one with it.
  t.same(targetSize({ width: 4, height: 2 }, { shortest: 9, longest: 5 }), { width: 4, height: 2 });
  t.same(targetSize({ width: 8, height: 4 }, { shortest: 9, longest: 5 }), { width: 5, height: 2 });
  t.same(targetSize({ width: 8, height: 4 }, { shortest: 9, longest: 7 }), { width: 8, height: 4 });
  t.same(targetSize({ width: 4, height: 2 }, { shortest: 9, longest: 7 }), { width: 7, height: 4 });
  t.end();
});

t.test('the form is kept, and bounds hold', t => {
  const edge = fc.integer({ min: 1, max: 3000 });
  fc.assert(
    fc.property(edge, edge, edge, edge, (width, height, a, b) => {
      const short = targetSize({ width, height }, { shortest: a });
      const within = targetSize({ width, height }, { maxWidth: a, maxHeight: b });
      return (
        Math.min(short.width, short.height) === a &&
        within.width <= a &&
        within.height <= b &&
        (within.width >= a - 1 || within.height >= b - 1)
      );
    }),
    runs(500),
  );
  t.end();
});
