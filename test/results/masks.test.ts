import t from 'tap';
import { fillMask } from '#results/masks.js';

const logits = Float32Array.from([0, Math.log(2), Math.log(4), Math.log(1)]);

t.test('the most probable tokens, with their share of the whole vocabulary', async t => {
  const filled = fillMask(logits, 2);
  t.strictSame(
    filled.map(({ id, score }) => [id, score.toFixed(6)]),
    [
      [2, '0.500000'],
      [1, '0.250000'],
    ],
  );
  t.equal(fillMask(logits, 10).length, 4);
});

t.test('candidates compete for the places, not for the probability', async t => {
  t.strictSame(
    fillMask(logits, 5, [3, 1]).map(({ id, score }) => [id, score.toFixed(6)]),
    [
      [1, '0.250000'],
      [3, '0.125000'],
    ],
  );
  t.strictSame(
    fillMask(logits, 1, [0, 3]).map(({ id }) => id),
    [0],
    'of equal ones the first',
  );
});

t.test('large logits', async t => {
  t.strictSame(fillMask(Float32Array.of(1000, -1000), 1), [{ id: 0, score: 1 }]);
});
