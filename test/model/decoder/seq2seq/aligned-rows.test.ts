import fc from 'fast-check';
import t from 'tap';
import { AlignedRows } from '#model/decoder/seq2seq/aligned-rows.js';
import { runs as propertyRuns } from '#test/support/property-runs.js';

const HEADS = 3;

function valueAt(layer: number, head: number, token: number, position: number): number {
  return ((layer * 10 + head) * 100 + token) * 100 + position;
}

/** What a graph gives of a layer. */
function mapOf(layer: number, begin: number, count: number, positions: number): Float32Array {
  return Float32Array.from({ length: HEADS * count * positions }, (_, i) => {
    const [head, token] = [Math.floor(i / (count * positions)), Math.floor(i / positions) % count];
    return valueAt(layer, head, begin + token, i % positions);
  });
}

t.test('rows of wanted heads, whatever the runs', async () => {
  fc.assert(
    fc.property(
      fc.array(fc.record({ layer: fc.nat(3), head: fc.nat(HEADS - 1) }), { minLength: 1, maxLength: 5 }),
      fc.array(fc.integer({ min: 1, max: 5 }), { minLength: 1, maxLength: 4 }),
      fc.integer({ min: 1, max: 6 }),
      (wanted, runs, positions) => {
        const tokens = runs.reduce((sum, count) => sum + count, 0);
        const aligned = new AlignedRows(wanted, HEADS, tokens, positions);
        let begin = 0;
        for (const count of runs) {
          const maps = wanted.map(({ layer }) => [layer, mapOf(layer, begin, count, positions)] as const);
          aligned.take(begin, count, new Map(maps));
          begin += count;
        }
        const expected = wanted.flatMap(({ layer, head }) =>
          Array.from({ length: tokens * positions }, (_, i) =>
            valueAt(layer, head, Math.floor(i / positions), i % positions),
          ),
        );
        return expected.every((value, i) => aligned.weights[i] === value);
      },
    ),
    propertyRuns(50),
  );
});
