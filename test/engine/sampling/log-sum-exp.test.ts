import fc from 'fast-check';
import t from 'tap';
import { logprobsOfIds } from '#engine/sampling/log-probabilities.js';
import { logSumExp } from '#engine/sampling/log-sum-exp.js';
import { RuledSum } from '#engine/sampling/ruled-sum.js';
import { runs } from '#test/support/property-runs.js';
import { logSoftmax } from '#test/support/reference-beam-search.js';

const BLOCK = 4;

const logit = fc.oneof(
  { weight: 6, arbitrary: fc.float({ min: -50, max: 50, noNaN: true }) },
  { weight: 1, arbitrary: fc.constant(-Infinity) },
);

t.test('the logarithm of the sum of exponentials, however far the largest are from what is left', t => {
  fc.assert(
    fc.property(
      fc
        .array(logit, { minLength: BLOCK, maxLength: 8 * BLOCK })
        .map(row => row.slice(0, row.length & ~(BLOCK - 1))),
      fc.array(fc.float({ min: 0, max: 80, noNaN: true }), { minLength: 8, maxLength: 8 }),
      (row, above) => {
        const max = Math.max(...row);
        const expected =
          max === -Infinity ? max : max + Math.log(row.reduce((sum, x) => sum + Math.exp(x - max), 0));
        const logits = Float32Array.from(row);
        const bounds = Float32Array.from(
          { length: row.length / BLOCK },
          (_, block) => Math.max(...row.slice(block * BLOCK, (block + 1) * BLOCK)) + above[block]!,
        );
        const exact = bounds.map((_, block) => Math.max(...row.slice(block * BLOCK, (block + 1) * BLOCK)));
        for (const actual of [logSumExp(logits), logSumExp(logits, exact), logSumExp(logits, bounds)])
          if (!(actual === expected || Math.abs(actual - expected) < 1e-6))
            throw new Error(`${actual}, expected ${expected}`);
      },
    ),
    runs(2000),
  );
  t.end();
});

t.test('what rules leave is summed up as if nothing had been known before', t => {
  fc.assert(
    fc.property(
      fc.array(fc.tuple(logit, fc.boolean()), { minLength: 1, maxLength: 40 }),
      fc.boolean(),
      (row, isKnown) => {
        const logits = Float32Array.from(row, ([value]) => value);
        const sum = new RuledSum(logits.length);
        sum.begin({ logits, logSums: isKnown ? Float32Array.of(logSumExp(logits)) : undefined }, true);
        row.forEach(([, isExcluded], id) => {
          if (isExcluded) logits[id] = -Infinity;
        });
        const [actual, expected] = [sum.end(logits), logSumExp(logits)];
        if (!(actual === expected || Math.abs(actual - expected) < 1e-4))
          throw new Error(`${actual}, expected ${expected}`);
      },
    ),
    runs(2000),
  );
  t.end();
});

t.test('log-probabilities of some ids', t => {
  const logits = [1, -3, 20, 19.5, -Infinity];
  const all = logSoftmax(logits);
  const some = logprobsOfIds(Float32Array.from(logits), [3, 0, 4]);
  [3, 0].forEach((id, i) => t.ok(Math.abs(some[i]! - all[id]!) < 1e-5));
  t.equal(some[2], -Infinity);
  t.end();
});
