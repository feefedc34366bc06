import fc from 'fast-check';
import t from 'tap';
import { interpolateBicubic } from '#graph/blocks/interpolation.js';
import { bicubicGrid } from '#test/reference/bicubic.js';
import { runs } from '#test/support/property-runs.js';

t.test('a grid of the same sides stays as it is', async t => {
  const grid = Float32Array.of(1, 2, 3, 4);
  t.equal(interpolateBicubic(grid, { rows: 2, columns: 2 }, { rows: 2, columns: 2 }, true), grid);
});

t.test('agrees with the kernel applied place by place', async () => {
  const sides = fc.record({ rows: fc.integer({ min: 1, max: 7 }), columns: fc.integer({ min: 1, max: 7 }) });
  fc.assert(
    fc.property(sides, sides, fc.boolean(), (from, to, antialias) => {
      const vectors = Array.from({ length: from.rows * from.columns }, (_, i) => [
        Math.sin(i * i),
        Math.cos(i),
      ]);
      const grid = Float32Array.from(vectors.flat());
      const wanted = bicubicGrid(vectors, from.rows, from.columns, to.rows, to.columns, antialias).flat();
      const actual = interpolateBicubic(grid, from, to, antialias);
      return (
        wanted.length === actual.length && wanted.every((value, i) => Math.abs(value - actual[i]!) < 1e-6)
      );
    }),
    runs(100),
  );
});
