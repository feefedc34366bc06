import assert from 'node:assert/strict';
import fc from 'fast-check';
import t from 'tap';
import { activate, argMax, descending, sigmoid, softmax } from '#results/scores.js';
import { runs } from '#test/support/property-runs.js';

const logits = fc.array(fc.double({ min: -1e4, max: 1e4, noNaN: true }), { minLength: 1, maxLength: 20 });

t.test('softmax: probabilities in the order of the logits, whatever their size', async t => {
  const property = fc.property(logits, values => {
    const scores = softmax(values);
    assert.ok(Math.abs(scores.reduce((sum, score) => sum + score, 0) - 1) < 1e-12);
    assert.equal(scores[argMax(values)], Math.max(...scores));
    assert.ok(scores.every(score => score >= 0 && score <= 1));
  });
  fc.assert(property, runs(100));
  t.strictSame(softmax([0, 0]), [0.5, 0.5]);
  t.ok(Math.abs(softmax([Math.log(3), 0])[0]! - 0.75) < 1e-15);
});

t.test('sigmoid', async t => {
  t.equal(sigmoid(0), 0.5);
  t.equal(sigmoid(1000), 1);
  t.equal(sigmoid(-1000), 0);
  t.ok(Math.abs(sigmoid(Math.log(3)) - 0.75) < 1e-15);
});

t.test('activations', async t => {
  t.strictSame(activate([0, 0], 'softmax'), [0.5, 0.5]);
  t.strictSame(activate([0, 0], 'sigmoid'), [0.5, 0.5]);
  t.strictSame(activate(Float32Array.of(1, -2), 'sigmoid').length, 2);
  t.strictSame(activate(Float32Array.of(1, -2), 'none'), [1, -2]);
});

t.test('order: the largest first, of equal ones the first', async t => {
  t.strictSame(descending([1, 3, 2, 3]), [1, 3, 2, 0]);
  t.equal(argMax([1, 3, 2, 3]), 1);
  t.equal(argMax([]), 0);
});
