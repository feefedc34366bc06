import { KvasirError } from '#errors.js';

/**
 * Checks that a sound model can have given a row: it has neither NaN nor Infinity, and at least one finite
 * logit. One pass of additions, since a sum is finite only where all its terms are.
 *
 * @param values `[vocabulary]`, or the largest logits of its blocks where those are known. They tell of rows
 * that are NaN throughout, as whatever is wrong with anything before the projection makes them; of single
 * ones they may be silent (the largest of 1 and NaN is 1 for ONNX Runtime's ReduceMax).
 * @throws KvasirError `broken_model`
 */
export function checkLogits(values: Float32Array): void {
  const whole = values.length & ~3;
  let [a, b, c, d] = [0, 0, 0, 0];
  for (let i = 0; i < whole; i += 4) {
    a += values[i]!;
    b += values[i + 1]!;
    c += values[i + 2]!;
    d += values[i + 3]!;
  }
  for (let i = whole; i < values.length; i++) a += values[i]!;
  const sum = a + b + c + d;
  if (Number.isFinite(sum) || (sum === -Infinity && values.some(Number.isFinite))) return;
  throw new KvasirError(
    'broken_model',
    'the model gave logits that are no numbers: its weights are broken, or too large for its precision',
  );
}
