import type { ModelGraph } from '../model-graph.js';
import type { Value } from '../onnx/graph-builder.js';
import type { Matrix } from '../weights/matrix.js';
import { activate, type Activation } from './activation.js';
import { similarities, type EmbeddingTable } from './embedding.js';
import type { NormWeights } from '../weights/model-weights.js';
import { layerNorm } from './layer-norm.js';
import { addBias, linear, type Bias } from './linear.js';

/** Weights of the layer between an encoder's body and the last layer of its head. */
export interface TransformWeights {
  readonly matrix: Matrix;
  readonly bias: Bias | undefined;
  readonly activation: Activation;
  readonly norm?: NormWeights;
}

/** A fully connected layer with an activation, and a norm where there is one. */
export function headTransform(graph: ModelGraph, name: string, x: Value, weights: TransformWeights): Value {
  const dense = linear(graph, name, x, weights.matrix, weights.bias);
  const active = activate(graph, `${name}.activation`, dense, weights.activation);
  if (weights.norm === undefined) return active;
  return layerNorm(graph, `${name}.norm`, { stream: active, update: undefined }, weights.norm).normalized;
}

/** Logits over the vocabulary: how well each row of a table fits, and a bias. */
export function vocabularyLogits(
  graph: ModelGraph,
  name: string,
  x: Value,
  table: EmbeddingTable,
  bias: Bias | undefined,
): Value {
  return addBias(graph, name, similarities(graph, name, table, x), bias);
}
