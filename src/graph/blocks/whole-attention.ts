import { float, int } from '../onnx/attributes.js';
import type { ModelGraph } from '../model-graph.js';
import type { Value } from '../onnx/graph-builder.js';
import type { AttentionWeights } from './attention-projections.js';
import { layerLinear } from './layer-linear.js';
import type { Bias } from './linear.js';
import type { Matrix } from '../weights/matrix.js';

/**
 * Bidirectional multi-head attention (Vaswani et al. 2017) over rows of one length, in which every position sees
 * all of its row.
 *
 * Operator: com.microsoft.MultiHeadAttention, whose flash kernel (Dao et al. 2022) runs where nothing is masked.
 *
 * @param x `[batch, length, hidden]`
 * @param options `scale` is the factor of scores; default `1 / sqrt(headSize)`.
 * @returns `[batch, length, hidden]`
 */
export function wholeAttention(
  graph: ModelGraph,
  name: string,
  x: Value,
  { output, outputBias, ...weights }: AttentionWeights,
  options: { readonly heads: number; readonly headSize: number; readonly scale?: number | undefined },
): Value {
  const { heads, headSize, scale = 1 / Math.sqrt(headSize) } = options;
  const project = (side: string, matrix: Matrix, bias: Bias | undefined): Value =>
    layerLinear(graph, `${name}.${side}`, x, matrix, bias);
  const attended = graph.node({
    op: 'MultiHeadAttention',
    domain: 'com.microsoft',
    inputs: [
      project('query', weights.query, weights.queryBias),
      project('key', weights.key, weights.keyBias),
      project('value', weights.value, weights.valueBias),
    ],
    name: `${name}.attention`,
    attributes: { num_heads: int(heads), scale: float(scale) },
  });
  return layerLinear(graph, `${name}.output`, attended, output, outputBias);
}
