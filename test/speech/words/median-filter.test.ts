import fc from 'fast-check';
import t from 'tap';
import { medianFilter } from '#speech/words/median-filter.js';
import { runs } from '#test/support/property-runs.js';

t.test('each number becomes the median of those around it', async t => {
  fc.assert(
    fc.property(fc.array(fc.integer({ min: -5, max: 5 }), { maxLength: 30 }), fc.nat(3), (values, reach) => {
      const row = Float32Array.from(values);
      const mirrored = (index: number): number =>
        row[index < 0 ? -index : index >= row.length ? 2 * (row.length - 1) - index : index]!;
      const expected =
        row.length <= reach
          ? row
          : row.map((_, index) => {
              const around = Array.from({ length: 2 * reach + 1 }, (_, offset) =>
                mirrored(index + offset - reach),
              );
              return around.sort((a, b) => a - b)[reach]!;
            });
      t.strictSame(medianFilter(row, 2 * reach + 1), expected);
    }),
    runs(200),
  );
});
