import t from 'tap';
import { normalQuantile } from '#graph/blocks/activation-sparsity.js';
import { erf } from '#test/reference/operations.js';

t.test('a normal variable is below its quantile as often as it should be', async t => {
  const off = Array.from({ length: 999 }, (_, i) => (i + 1) / 1000).map(probability =>
    Math.abs((1 + erf(normalQuantile(probability) / Math.SQRT2)) / 2 - probability),
  );
  t.ok(Math.max(...off) < 1e-8);
  t.equal(normalQuantile(0.5), 0);
});
