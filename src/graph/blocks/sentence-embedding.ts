import { int } from '../onnx/attributes.js';
import type { ModelGraph } from '../model-graph.js';
import { DataType, type Value } from '../onnx/graph-builder.js';
import type { PoolingMode } from '../sentence-pooling.js';
import type { PackedBatch } from './packed-batch.js';

/** Below this, a vector's length is taken for it: nothing is divided by 0. */
const SHORTEST = 1e-12;
/** Less than any activation. */
const LOWEST = -3.4e38;

/**
 * Makes one vector of each text's hidden states. All modes but the maximum are sums with weights, which
 * whoever runs the graph gives: a matrix product. Several modes stand side by side.
 *
 * @param hidden `[tokens, hidden]`, or `[texts, hidden]` where the batch has listed rows: they are the texts'
 * vectors then.
 * @returns `[texts, modes · hidden]`
 */
export function pool(
  graph: ModelGraph,
  batch: PackedBatch,
  hidden: Value,
  hiddenSize: number,
  modes: readonly PoolingMode[],
): Value {
  if (batch.wanted === 'listed') return hidden;
  const vectors = modes.map(mode =>
    mode === 'max'
      ? poolMaximum(graph, batch, hidden, hiddenSize)
      : graph.node({ op: 'MatMul', inputs: [batch.pooling(mode), hidden], name: `pooled.${mode}` }),
  );
  if (vectors.length === 1) return vectors[0]!;
  return graph.node({ op: 'Concat', inputs: vectors, name: 'pooled', attributes: { axis: int(1) } });
}

function poolMaximum(graph: ModelGraph, batch: PackedBatch, hidden: Value, hiddenSize: number): Value {
  const lowest = graph.floats('pooled.lowest', [1, hiddenSize], () =>
    new Float32Array(hiddenSize).fill(LOWEST),
  );
  const inputs = [hidden, lowest];
  // Padding is index -1: the row that is last.
  const padded = graph.node({ op: 'Concat', inputs, name: 'pooled.padded', attributes: { axis: int(0) } });
  const texts = graph.node({ op: 'Gather', inputs: [padded, batch.grid], name: 'pooled.grid' });
  const axis = graph.constant('pooled.axis', [1], [1]);
  return graph.node({
    op: 'ReduceMax',
    inputs: [texts, axis],
    name: 'pooled.max',
    attributes: { keepdims: int(0) },
  });
}

/** Scales each row to a length of 1. */
export function normalize(graph: ModelGraph, name: string, x: Value): Value {
  const length = graph.node({
    op: 'ReduceL2',
    inputs: [x, graph.constant(`${name}.axis`, [1], [-1])],
    name: `${name}.length`,
    attributes: { keepdims: int(1) },
  });
  const shortest = graph.constant(`${name}.shortest`, [], [SHORTEST], DataType.FLOAT);
  const divisor = graph.node({ op: 'Max', inputs: [length, shortest], name: `${name}.divisor` });
  return graph.node({ op: 'Div', inputs: [x, divisor], name });
}
