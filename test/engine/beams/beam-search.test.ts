import fc from 'fast-check';
import t from 'tap';
import { BeamSearch, type Child } from '#engine/beams/beam-search.js';
import { runs } from '#test/support/property-runs.js';
import { logSoftmax, referenceBeamSearch } from '#test/support/reference-beam-search.js';
import { seededRandom } from '#test/support/seeded-random.js';

const VOCABULARY = 9;

/** Log-probabilities that depend on all that was generated. */
function model(seed: number, spread: number): (generated: readonly number[]) => number[] {
  return generated => {
    const random = seededRandom(generated.reduce((hash, id) => (hash * 31 + id + 1) % 1_000_003, seed));
    return logSoftmax(Array.from({ length: VOCABULARY }, () => spread * random()));
  };
}

const searches = fc.record({
  seed: fc.nat(1e6),
  spread: fc.constantFrom(1, 3, 8),
  width: fc.integer({ min: 1, max: 5 }),
  lengthPenalty: fc.constantFrom(-1, 0, 0.6, 1, 2),
  earlyStopping: fc.constantFrom(true, false, 'never' as const),
  stopIds: fc.uniqueArray(fc.nat(VOCABULARY - 1), { maxLength: 3 }),
  maxTokens: fc.integer({ min: 1, max: 12 }),
});

t.test('finds what transformers finds', async t => {
  fc.assert(
    fc.property(searches, fc.nat(), ({ seed, spread, ...options }, wanted) => {
      const results = 1 + (wanted % options.width);
      const logprobs = model(seed, spread);
      let rows: (readonly number[])[] = [[]];
      const textOf = ({ parent, id }: Child): readonly number[] => [...rows[parent]!, id];
      const search = new BeamSearch({ ...options, stopIds: new Set(options.stopIds), results, textOf });
      for (let isOver = false; !isOver;) {
        const step = search.advance(
          rows.map(row =>
            logprobs(row)
              .map((logprob, id) => ({ id, logprob }))
              .sort((a, b) => b.logprob - a.logprob)
              .slice(0, search.candidates),
          ),
        );
        rows = step.children.map(textOf);
        isOver = step.isOver;
      }
      const expected = referenceBeamSearch({ ...options, results, logprobs });
      t.strictSame(
        search.results.map(({ text }) => text),
        expected.map(({ ids }) => ids),
      );
      search.results.forEach(({ score, sum, text }, i) => {
        if (Math.abs(score - expected[i]!.score) > 1e-9) throw new Error(`score ${score}`);
        if (Math.abs(score - sum / text.length ** options.lengthPenalty) > 1e-9)
          throw new Error(`sum ${sum}`);
      });
    }),
    runs(1500),
  );
  t.end();
});

t.test('goes on with fewer rows where rules leave no more', async t => {
  const options = { width: 3, lengthPenalty: 1, earlyStopping: false, results: 3, maxTokens: 2 } as const;
  const search = new BeamSearch({ ...options, stopIds: new Set([0]), textOf: ({ id }) => id });
  const only = { id: 5, logprob: -1 };
  t.strictSame(search.advance([[only]]), { children: [{ ...only, parent: 0, sum: -1 }], isOver: false });
  t.strictSame(search.advance([[only, { id: 0, logprob: -2 }]]), { children: [], isOver: true });
  t.strictSame(search.results, [
    { text: 5, sum: -2, score: -1 },
    { text: 0, sum: -3, score: -1.5 },
  ]);
});
