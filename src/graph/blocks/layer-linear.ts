import type { ModelGraph } from '../model-graph.js';
import type { Value } from '../onnx/graph-builder.js';
import type { Matrix } from '../weights/matrix.js';
import { integerProduct } from './integer-product.js';
import { linear, type Bias } from './linear.js';

/**
 * A fully connected layer inside of a transformer layer, `y = x Wᵀ + b` over the last axis, in the graph's
 * numbers.
 *
 * @param x `[..., columns]`
 */
export function layerLinear(graph: ModelGraph, name: string, x: Value, matrix: Matrix, bias?: Bias): Value {
  if (graph.format.w8a8 !== 'all layers') return linear(graph, name, x, matrix, bias);
  return integerProduct(graph, name, x, matrix, bias);
}
