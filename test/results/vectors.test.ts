import assert from 'node:assert/strict';
import fc from 'fast-check';
import t from 'tap';
import { cosine, normalize, shorten } from '#results/vectors.js';
import { runs } from '#test/support/property-runs.js';

const number = fc.float({ min: -100, max: 100, noNaN: true });
const vectors = fc
  .integer({ min: 1, max: 20 })
  .chain(length =>
    fc.tuple(
      fc.float32Array({ minLength: length, maxLength: length, min: -100, max: 100, noNaN: true }),
      fc.float32Array({ minLength: length, maxLength: length, min: -100, max: 100, noNaN: true }),
    ),
  );

t.test('a unit vector keeps its direction', async t => {
  t.strictSame(normalize(Float32Array.of(3, -4)), Float32Array.of(0.6, -0.8));
  t.strictSame(normalize(Float32Array.of(0, 0)), Float32Array.of(0, 0));
  const vector = Float32Array.of(3, 4);
  normalize(vector);
  t.strictSame(vector, Float32Array.of(3, 4), 'the argument stays');
});

t.test('cosine: symmetric, of unit size, and blind to length', async t => {
  const property = fc.property(vectors, number, ([a, b], factor) => {
    const value = cosine(a, b);
    assert.ok(value >= -1 && value <= 1);
    assert.equal(cosine(b, a), value);
    if (Math.abs(factor) < 0.1) return;
    const scaled = cosine(
      a.map(x => x * factor),
      b,
    );
    assert.ok(Math.abs(scaled - Math.sign(factor) * value) < 1e-4);
  });
  fc.assert(property, runs(50));
  t.equal(cosine(Float32Array.of(1, 0), Float32Array.of(0, 5)), 0);
  t.equal(cosine(Float32Array.of(3, 4), Float32Array.of(6, 8)), 1);
  t.equal(cosine(Float32Array.of(0, 0), Float32Array.of(2, 2)), 0);
});

t.test('the first components', async t => {
  t.strictSame(shorten(Float32Array.of(1, 2, 3), 2), Float32Array.of(1, 2));
});
