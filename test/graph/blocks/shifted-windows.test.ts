import fc from 'fast-check';
import t from 'tap';
import {
  mergeOrder,
  placesInWindows,
  shiftMask,
  windowCount,
  windowOrder,
} from '#graph/blocks/shifted-windows.js';
import { EMPTY } from '#graph/blocks/token-order.js';
import { runs } from '#test/support/property-runs.js';

t.test('a grid window by window', async t => {
  const grid = { rows: 2, columns: 4 };
  t.same([...windowOrder(grid, { size: 2, shift: 0 })], [0, 1, 4, 5, 2, 3, 6, 7]);
  t.same([...windowOrder(grid, { size: 2, shift: 1 })], [5, 6, 1, 2, 7, 4, 3, 0], 'turned by one place');
  t.same(
    [...windowOrder({ rows: 1, columns: 3 }, { size: 2, shift: 0 })],
    [0, 1, EMPTY, EMPTY, 2, EMPTY, EMPTY, EMPTY],
    'filled up',
  );
});

t.test('neighbours that are merged', async t => {
  t.same([...mergeOrder({ rows: 2, columns: 4 })], [0, 4, 1, 5, 2, 6, 3, 7]);
  t.same([...mergeOrder({ rows: 1, columns: 3 })], [0, EMPTY, 1, EMPTY, 2, EMPTY, EMPTY, EMPTY]);
});

t.test('the mask of a shift', async t => {
  const mask = [...shiftMask({ rows: 2, columns: 2 }, { size: 2, shift: 1 })];
  t.equal(mask.length, 16);
  t.same(mask.slice(0, 4), [0, -100, -100, -100], 'four corners that were no neighbours');
});

t.test('every token has one place, and finds its way back', async () => {
  const side = fc.integer({ min: 1, max: 9 });
  fc.assert(
    fc.property(side, side, fc.integer({ min: 1, max: 4 }), fc.nat(3), (rows, columns, size, shift) => {
      const windows = { size, shift: shift % size };
      const order = windowOrder({ rows, columns }, windows);
      const places = placesInWindows({ rows, columns }, windows);
      return (
        order.length === windowCount({ rows, columns }, windows) * size ** 2 &&
        order.filter(token => token !== EMPTY).length === rows * columns &&
        places.every((place, token) => order[place] === token)
      );
    }),
    runs(200),
  );
});
