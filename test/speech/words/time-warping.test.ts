import fc from 'fast-check';
import t from 'tap';
import { firstColumns } from '#speech/words/time-warping.js';
import { runs } from '#test/support/property-runs.js';

/** The least cost of all ways, tried one by one. */
function leastCost(costs: Float32Array, rows: number, columns: number): number {
  const from = (row: number, column: number): number => {
    const cost = costs[row * columns + column]!;
    if (row === 0 && column === 0) return cost;
    const before = [
      [row - 1, column - 1],
      [row - 1, column],
      [row, column - 1],
    ] as const;
    return cost + Math.min(...before.map(([r, c]) => (r < 0 || c < 0 ? Infinity : from(r, c))));
  };
  return from(rows - 1, columns - 1);
}

/** What a way costs that is in row n from `first[n]` on, to where the next row begins or one in front of it, whichever is cheaper. */
function costOf(first: readonly number[], costs: Float32Array, rows: number, columns: number): number {
  const sum = (row: number, last: number): number =>
    costs
      .subarray(row * columns + first[row]!, row * columns + last + 1)
      .reduce((total, cost) => total + cost, 0);
  let total = 0;
  for (let row = 0; row < rows; row++) {
    const next = first[row + 1];
    if (next === undefined) total += sum(row, columns - 1);
    else if (next === first[row]) total += sum(row, next);
    else total += Math.min(sum(row, next), sum(row, next - 1));
  }
  return total;
}

t.test('no way is cheaper', async t => {
  const matrix = fc
    .tuple(fc.integer({ min: 1, max: 5 }), fc.integer({ min: 1, max: 5 }))
    .chain(([rows, columns]) =>
      fc.tuple(
        fc.constant(rows),
        fc.constant(columns),
        fc.array(fc.integer({ min: -9, max: 9 }), { minLength: rows * columns, maxLength: rows * columns }),
      ),
    );
  fc.assert(
    fc.property(matrix, ([rows, columns, values]) => {
      // Where ways cost the same, the one that openai/whisper takes need not be the cheapest.
      const costs = Float32Array.from(values, (value, index) => value + Math.sin(index + 1) / 8);
      const first = firstColumns(costs, rows, columns);
      t.equal(first.length, rows);
      t.equal(first[0], 0);
      t.ok(first.every((column, row) => column >= (first[row - 1] ?? 0) && column < columns));
      t.ok(Math.abs(costOf(first, costs, rows, columns) - leastCost(costs, rows, columns)) < 1e-4);
    }),
    runs(200),
  );
});
