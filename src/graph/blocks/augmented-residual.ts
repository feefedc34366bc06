import type { ModelGraph } from '../model-graph.js';
import type { Value } from '../onnx/graph-builder.js';
import type { Matrix } from '../weights/matrix.js';
import { layerLinear } from './layer-linear.js';

/**
 * A learned augmented residual layer of low rank (LAuReL, Menghani et al. 2024): `x + norm((x L) R)`.
 *
 * @param x `[...tokens, hidden]`
 * @param left `[rank, hidden]`
 * @param right `[hidden, rank]`
 */
export function augmentedResidual(
  graph: ModelGraph,
  name: string,
  x: Value,
  { left, right }: { readonly left: Matrix; readonly right: Matrix },
  norm: (x: Value) => Value,
): Value {
  const inner = layerLinear(graph, `${name}.left`, x, left);
  const update = norm(layerLinear(graph, `${name}.right`, inner, right));
  return graph.node({ op: 'Add', inputs: [x, update], name });
}
