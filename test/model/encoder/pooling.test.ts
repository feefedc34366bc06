import t, { type Test } from 'tap';
import { normalizeVector, poolingWeights, poolVectors } from '#model/encoder/pooling.js';
import { normalized, pooled } from '#test/reference/encoder.js';
import { POOLING_MODES } from '#test/support/pooling-modes.js';

const STATES = [
  [1, -2, 3],
  [0.5, 4, -1],
  [-3, 0, 2],
];
const HIDDEN = Float32Array.from(STATES.flat());

function close(t: Test, actual: Float32Array, expected: readonly number[]): void {
  t.equal(actual.length, expected.length);
  t.ok(
    expected.every((value, i) => Math.abs(actual[i]! - value) < 1e-6),
    `${[...actual].join()} should be ${expected.join()}`,
  );
}

for (const mode of POOLING_MODES)
  t.test(mode, async t => close(t, poolVectors(HIDDEN, 3, 3, [mode]), pooled(STATES, mode)));

t.test('padding behind the text is not seen', async t => {
  const padded = Float32Array.of(...HIDDEN, 100, 100, 100);
  for (const mode of POOLING_MODES) close(t, poolVectors(padded, 3, 3, [mode]), pooled(STATES, mode));
});

t.test('several modes stand side by side', async t => {
  close(t, poolVectors(HIDDEN, 3, 3, ['max', 'mean']), [...pooled(STATES, 'max'), ...pooled(STATES, 'mean')]);
});

t.test('means weigh 1 in all', async t => {
  for (const mode of ['cls', 'mean', 'weightedmean', 'lasttoken'] as const) {
    let sum = 0;
    poolingWeights(mode, 7, (_, weight) => (sum += weight));
    t.ok(Math.abs(sum - 1) < 1e-12, mode);
  }
});

t.test('normalisation', async t => {
  const vector = Float32Array.of(3, -4, 12);
  normalizeVector(vector);
  close(t, vector, normalized([3, -4, 12]));
  const zero = new Float32Array(3);
  normalizeVector(zero);
  t.strictSame([...zero], [0, 0, 0]);
});
