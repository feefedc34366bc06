import fc from 'fast-check';
import t from 'tap';
import { keepOnly, sequenceEnds } from '#engine/sampling/token-limits.js';
import type { SamplingParameters } from '#engine/types.js';
import { greedy, GREEDY } from '#test/support/generation-request.js';
import { all, ids, letterEngine } from '#test/support/letter-engine.js';
import { runs } from '#test/support/property-runs.js';

t.test('only the ids that are allowed keep their logits', async t => {
  const logits = Float32Array.of(1, 2, 3, 4);
  keepOnly(logits, [3, 1, 3]);
  t.strictSame([...logits], [-Infinity, 2, -Infinity, 4]);
});

t.test('a banned sequence ends in its last id behind the others, among generated tokens', async t => {
  t.strictSame(sequenceEnds([[3]], [], 0), [3]);
  t.strictSame(sequenceEnds([[1, 2, 3]], [0, 1, 2], 0), [3]);
  t.strictSame(sequenceEnds([[1, 2, 3]], [0, 1, 2], 1), [3]);
  t.strictSame(sequenceEnds([[1, 2, 3]], [0, 1, 2], 2), [], 'the prompt does not count');
  t.strictSame(sequenceEnds([[1, 2, 3]], [1, 2, 0], 0), []);
  t.strictSame(
    sequenceEnds(
      [
        [2, 4],
        [1, 2, 0],
        [0, 3],
      ],
      [1, 2],
      0,
    ),
    [4, 0],
  );
});

t.test(
  'an engine draws what is allowed, and no sequence that is banned while something else is left',
  async t => {
    const { engine } = letterEngine(t, { slots: 3, options: { draftTokens: 3 } });
    const sequence = fc.array(fc.nat(6), { minLength: 1, maxLength: 3 });
    await fc.assert(
      fc.asyncProperty(
        fc.record({
          start: fc.array(fc.nat(6), { minLength: 1, maxLength: 6 }),
          allowedIds: fc.option(fc.uniqueArray(fc.nat(6), { minLength: 1 }), { nil: undefined }),
          bannedSequences: fc.array(sequence, { maxLength: 5 }),
          temperature: fc.constantFrom(0, 0, 1),
        }),
        async ({ start, ...limits }) => {
          const request = greedy(start, { maxTokens: 12 });
          const sampling: SamplingParameters = { ...GREEDY, ...limits, seed: 1 };
          const drawn = ids(await all(engine.generate({ ...request, sampling })));
          t.equal(drawn.length, 12);
          const open = limits.allowedIds ?? Array.from({ length: 26 }, (_, id) => id);
          drawn.forEach((id, place) => {
            if (!open.includes(id)) throw new Error(`${id} is not allowed`);
            const ends = (other: number): boolean =>
              limits.bannedSequences.some(
                banned =>
                  banned.length <= place + 1 &&
                  banned.every((part, i) => part === [...drawn.slice(0, place), other].at(i - banned.length)),
              );
            if (ends(id) && !open.every(ends)) throw new Error(`${drawn.join()} has a banned sequence`);
          });
        },
      ),
      runs(60),
    );
  },
);
