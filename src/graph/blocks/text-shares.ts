import { int } from '../onnx/attributes.js';
import type { ModelGraph } from '../model-graph.js';
import { DataType, type Value } from '../onnx/graph-builder.js';
import type { PackedBatch } from './packed-batch.js';

/**
 * For each token of a packed batch the share of its text's tokens that are marked.
 *
 * @param marks bool `[tokens]`
 * @returns float32 `[tokens]`
 */
export function markShares(graph: ModelGraph, name: string, marks: Value, batch: PackedBatch): Value {
  const node = (part: string, op: string, inputs: Value[], attributes = {}): Value =>
    graph.node({ op, inputs, name: `${name}.${part}`, attributes });
  const floats = (part: string, value: Value): Value =>
    node(part, 'Cast', [value], { to: int(DataType.FLOAT) });
  const axis = graph.constant(`${name}.axis`, [1], [1]);
  const sums = (part: string, value: Value): Value =>
    node(part, 'ReduceSum', [value, axis], { keepdims: int(1) });
  const none = graph.constant(`${name}.none`, [1], [0], DataType.FLOAT);
  // Padding is index -1: the element that is last.
  const padded = node('padded', 'Concat', [floats('floats', marks), none], { axis: int(0) });
  const inGrid = node('grid', 'Gather', [padded, batch.grid]);
  const isToken = node('is_token', 'GreaterOrEqual', [
    batch.grid,
    graph.constant(`${name}.first`, [], [0], DataType.INT32),
  ]);
  const share = node('share', 'Div', [sums('count', inGrid), sums('length', floats('tokens', isToken))]);
  const everywhere = node('everywhere', 'Expand', [share, node('shape', 'Shape', [batch.grid])]);
  const flat = node('flat', 'Reshape', [everywhere, graph.constant(`${name}.flat_shape`, [1], [-1])]);
  return node('own', 'Gather', [flat, batch.global(false).places]);
}
