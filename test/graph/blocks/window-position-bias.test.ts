import t from 'tap';
import { windowPositionRows } from '#graph/blocks/window-position-bias.js';

t.test('a row for each distance of rows and columns', async t => {
  // A window of 1x2 places: a step to the right, none, a step to the left.
  t.strictSame([...windowPositionRows({ rows: 1, columns: 2 }, false)], [1, 0, 2, 1]);
  const square = windowPositionRows({ rows: 2, columns: 2 }, false);
  t.equal(square[0 * 4 + 3], 0, 'from the upper left to the lower right');
  t.equal(square[3 * 4 + 0], 8, 'and back');
  t.equal(square[1 * 4 + 2], 2);
});

t.test('with a class token before the places', async t => {
  t.strictSame(
    [...windowPositionRows({ rows: 1, columns: 2 }, true)],
    [5, 3, 3, 4, 1, 0, 4, 2, 1],
    'what it sees, those that see it, and itself',
  );
});
