import type { ModelGraph } from '../model-graph.js';
import type { BlockFormat } from '../quantization/block-format.js';
import { int } from '../onnx/attributes.js';
import type { Value } from '../onnx/graph-builder.js';
import { loadMatrix, type Matrix } from '../weights/matrix.js';
import type { Vector } from '../weights/model-weights.js';
import { transpose } from '../weights/transpose.js';
import { quantizedProduct } from './quantized-product.js';

/** A bias vector. */
export type Bias = Vector;

/**
 * A fully connected layer: `y = x Wᵀ + b` over the last axis.
 *
 * @param format how the matrix is stored; by default as the graph stores matrices.
 */
export function linear(
  graph: ModelGraph,
  name: string,
  x: Value,
  matrix: Matrix,
  bias?: Bias,
  format?: BlockFormat | 'floats',
): Value {
  if (format === undefined && graph.format.asStored && isMixed(matrix))
    return addBias(graph, name, mixedProduct(graph, name, x, matrix.parts), bias);
  const form = format ?? graph.formOf(matrix) ?? 'floats';
  if (form !== 'floats')
    return quantizedProduct(
      graph,
      name,
      x,
      graph.quantized(name, matrix, form),
      bias && biasVector(graph, name, bias),
    );
  const { rows, columns } = matrix;
  // MatMul multiplies from the right, so the weight is stored transposed.
  const weight = graph.floats(`${name}.weight`, [columns, rows], async () =>
    transpose(await loadMatrix(matrix), rows, columns),
  );
  const product = graph.node({ op: 'MatMul', inputs: [x, weight], name });
  return addBias(graph, name, product, bias);
}

/** Several matrices one under the other that are stored in several ways. */
type MixedMatrix = Matrix & { readonly parts: readonly Matrix[] };

function isMixed(matrix: Matrix): matrix is MixedMatrix {
  const { packed, parts = [] } = matrix;
  return packed === undefined && parts.some(part => part.packed !== undefined);
}

/** A product for each part, one beside the other. */
function mixedProduct(graph: ModelGraph, name: string, x: Value, parts: readonly Matrix[]): Value {
  const products = parts.map((part, i) => linear(graph, `${name}.${i}`, x, part));
  return graph.node({
    op: 'Concat',
    inputs: products,
    name,
    attributes: { axis: int(-1) },
  });
}

/** `x + b` over the last axis; nothing where there is no bias. */
export function addBias(graph: ModelGraph, name: string, x: Value, bias: Bias | undefined): Value {
  if (bias === undefined) return x;
  return graph.node({ op: 'Add', inputs: [x, biasVector(graph, name, bias)], name: `${name}.biased` });
}

function biasVector(graph: ModelGraph, name: string, bias: Bias): Value {
  return graph.floats(`${name}.bias`, [bias.size], () => bias.load());
}
