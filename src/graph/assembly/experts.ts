import type { GatedWeights } from '../blocks/feed-forward.js';
import { mixtureOfExperts, stackExperts, type ExpertWeights } from '../blocks/mixture-of-experts.js';
import type { Value } from '../onnx/graph-builder.js';
import type { Weight } from '../weights/checkpoint.js';
import { rowsOf, type Matrix } from '../weights/matrix.js';
import type { DecoderLayer } from './decoder-design.js';

/**
 * Experts in place of a layer's feed-forward half; each token goes through `num_experts_per_tok` of them.
 *
 * @param router `[experts, hidden]`
 * @param normalized true if the chosen experts' weights are scaled to a sum of 1.
 * @param others another choice of experts, and a factor of what they give.
 */
export function routedExperts(
  { source: { graph, config }, name }: DecoderLayer,
  x: Value,
  router: Matrix,
  experts: readonly GatedWeights[],
  normalized: boolean,
  others: Pick<ExpertWeights, 'routing' | 'factor'> = {},
): Value {
  // The operator knows no other gate.
  config.choice('hidden_act', ['silu'], 'silu');
  const perToken = config.size('num_experts_per_tok');
  if (perToken > experts.length)
    config.invalid(`num_experts_per_tok (${perToken}) is more than there are experts (${experts.length})`);
  return mixtureOfExperts(graph, `${name}.experts`, x, {
    router,
    ...stackExperts(experts),
    perToken,
    normalized,
    ...others,
  });
}

/**
 * Experts that are stored in two tensors.
 *
 * @param inputs `[experts, 2 × inner, hidden]`: gate and up of each one under the other.
 * @param outputs `[experts, hidden, inner]`
 */
export function stackedExperts(inputs: Weight, outputs: Weight): GatedWeights[] {
  const rowsBy = (weight: Weight) => {
    const [count, rows, columns] = weight.shape as [number, number, number];
    const whole = { ...weight, shape: [count * rows, columns] };
    return (expert: number, begin: number, end: number): Matrix =>
      rowsOf(whole, expert * rows + begin, expert * rows + end);
  };
  const [count, both] = inputs.shape as [number, number];
  const [input, output] = [rowsBy(inputs), rowsBy(outputs)];
  return Array.from({ length: count }, (_, expert) => ({
    gate: input(expert, 0, both / 2),
    up: input(expert, both / 2, both),
    down: output(expert, 0, outputs.shape[1]!),
  }));
}
