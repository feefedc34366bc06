import type { ModelGraph } from '../model-graph.js';
import type { Value } from '../onnx/graph-builder.js';
import type { LowRankUpdate, Matrix } from '../weights/matrix.js';
import { integerProduct } from './integer-product.js';
import { linear, type Bias } from './linear.js';

/**
 * A fully connected layer inside of a transformer layer, `y = x Wᵀ + b` over the last axis, in the graph's
 * numbers, with what the matrix's adapters add.
 *
 * @param x `[..., columns]`
 */
export function layerLinear(graph: ModelGraph, name: string, x: Value, matrix: Matrix, bias?: Bias): Value {
  const product =
    graph.format.w8a8 === 'all layers'
      ? integerProduct(graph, name, x, matrix, bias)
      : linear(graph, name, x, matrix, bias);
  const { update } = matrix;
  if (update === undefined) return product;
  const inputs = [product, lowRankProduct(graph, name, x, update)];
  return graph.node({ op: 'Add', inputs, name: `${name}.adapted` });
}

/** What adapters add, always in floats. @param x `[rows, columns]` */
function lowRankProduct(
  graph: ModelGraph,
  name: string,
  x: Value,
  { name: module, down, up, shares }: LowRankUpdate,
): Value {
  const shared = graph.shared(`${module}.adapters`, () => {
    const read = linear(graph, `${module}.adapters.down`, x, down, undefined, 'floats');
    return graph.node({ op: 'Mul', inputs: [read, shares], name: `${module}.adapters.shared` });
  });
  return linear(graph, `${name}.adapters.up`, shared, up, undefined, 'floats');
}
