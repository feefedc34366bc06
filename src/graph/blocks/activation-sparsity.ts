import type { ModelGraph } from '../model-graph.js';
import { DataType, type Value } from '../onnx/graph-builder.js';
import { narrowed, widened } from './exact-floats.js';

/**
 * What of a token's features stands out (Gemma 3n, Gemma Team 2025; the statistical top-k of Spark Transformer, You et
 * al. 2025): `max(x - (mean + z · deviation), 0)`, which leaves as good as the wanted share of 0 where features are
 * normally distributed.
 *
 * @param x `[...tokens, features]`
 * @param sparsity the share of features that become 0, in `(0, 1)`.
 */
export function gaussianTopK(graph: ModelGraph, name: string, x: Value, sparsity: number): Value {
  const node = (op: string, part: string, ...inputs: Value[]): Value =>
    graph.node({ op, inputs, name: `${name}.${part}` });
  const axis = graph.shared('sparsity.axis', () => graph.constant('sparsity.axis', [1], [-1]));
  const deviations = normalQuantile(sparsity);
  const exact = widened(graph, `${name}.exact`, x);
  const centred = node('Sub', 'centred', exact, node('ReduceMean', 'mean', exact, axis));
  const variance = node('ReduceMean', 'variance', node('Mul', 'squares', centred, centred), axis);
  const factor = graph.constant(`${name}.deviations`, [], [deviations], DataType.FLOAT);
  const cutoff = node('Mul', 'cutoff', node('Sqrt', 'deviation', variance), factor);
  return narrowed(graph, name, node('Relu', 'standing_out', node('Sub', 'excess', centred, cutoff)));
}

/**
 * The number that a standard normal variable is below with a given probability, to nine digits (the rational
 * approximations of Acklam 2003).
 *
 * @param probability in `(0, 1)`
 */
export function normalQuantile(probability: number): number {
  const LOW = 0.02425;
  if (probability > 1 - LOW) return -normalQuantile(1 - probability);
  if (probability < LOW) {
    const q = Math.sqrt(-2 * Math.log(probability));
    return polynomial(TAIL, q) / polynomial([...TAIL_BELOW, 1], q);
  }
  const q = probability - 0.5;
  return (polynomial(MIDDLE, q * q) * q) / polynomial([...MIDDLE_BELOW, 1], q * q);
}

const MIDDLE = [
  -3.969683028665376e1, 2.209460984245205e2, -2.759285104469687e2, 1.38357751867269e2, -3.066479806614716e1,
  2.506628277459239,
];
const MIDDLE_BELOW = [
  -5.447609879822406e1, 1.615858368580409e2, -1.556989798598866e2, 6.680131188771972e1, -1.328068155288572e1,
];
const TAIL = [
  -7.784894002430293e-3, -3.223964580411365e-1, -2.400758277161838, -2.549732539343734, 4.374664141464968,
  2.938163982698783,
];
const TAIL_BELOW = [7.784695709041462e-3, 3.224671290700398e-1, 2.445134137142996, 3.754408661907416];

/** @param coefficients that of the highest power first. */
function polynomial(coefficients: readonly number[], x: number): number {
  return coefficients.reduce((sum, coefficient) => sum * x + coefficient, 0);
}
