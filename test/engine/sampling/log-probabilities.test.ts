import t from 'tap';
import fc from 'fast-check';
import { logprobsOf, topIds } from '#engine/sampling/log-probabilities.js';
import { runs } from '#test/support/property-runs.js';

t.test('log-probabilities are a log-softmax in float64', async () => {
  fc.assert(
    fc.property(
      fc.array(fc.float({ min: -100, max: 100, noNaN: true }), { minLength: 1, maxLength: 60 }),
      fc.nat(),
      fc.nat(8),
      (values, pick, top) => {
        const id = pick % values.length;
        const max = Math.max(...values);
        const normalizer = max + Math.log(values.reduce((sum, value) => sum + Math.exp(value - max), 0));
        const result = logprobsOf(Float32Array.from(values), id, top);
        if (Math.abs(result.logprob - (values[id]! - normalizer)) > 1e-9) throw new Error('logprob');
        const sorted = values
          .map((value, i) => ({ value, i }))
          .sort((a, b) => b.value - a.value || a.i - b.i);
        const expected = sorted.slice(0, top).map(({ i }) => i);
        if (result.top.map(entry => entry.id).join() !== expected.join()) throw new Error('top');
      },
    ),
    runs(100),
  );
});

t.test('the best ids are the same where bounds of blocks are known', async () => {
  // Few values, so that many are equal.
  const value = fc.constantFrom(-Infinity, -1, 0, 1, 2, 3);
  const block = fc.record({
    logits: fc.array(value, { minLength: 4, maxLength: 4 }),
    slack: fc.constantFrom(0, 0, 1),
  });
  fc.assert(
    fc.property(fc.array(block, { minLength: 1, maxLength: 12 }), fc.nat(9), (blocks, count) => {
      const logits = Float32Array.from(blocks.flatMap(({ logits }) => logits));
      const bounds = Float32Array.from(blocks, ({ logits, slack }) => Math.max(...logits) + slack);
      const sorted = [...logits.keys()].sort((a, b) => logits[b]! - logits[a]! || a - b).slice(0, count);
      if (String(topIds(logits, count, bounds)) !== String(sorted)) throw new Error('with bounds');
      if (String(topIds(logits, count)) !== String(sorted)) throw new Error('without');
    }),
    runs(500),
  );
});

t.test('reports as many alternatives as there are', async t => {
  t.strictSame(topIds(Float32Array.of(3, 1, 2), 5), [0, 2, 1]);
  t.strictSame(topIds(Float32Array.of(3, 1, 2), 0), []);
});

t.test('neither overflows nor loses digits on huge logits', async t => {
  const { logprob } = logprobsOf(Float32Array.of(3e38, 3e38), 0, 0);
  t.ok(Math.abs(logprob + Math.log(2)) < 1e-12, String(logprob));
});
