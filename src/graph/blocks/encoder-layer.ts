import type { ModelGraph } from '../model-graph.js';
import type { Value } from '../onnx/graph-builder.js';
import type { Matrix } from '../weights/matrix.js';
import { activate, type Activation } from './activation.js';
import type { NormWeights } from '../weights/model-weights.js';
import { layerNorm } from './layer-norm.js';
import { layerLinear } from './layer-linear.js';
import type { Bias } from './linear.js';
import type { Residual } from './normalization.js';

/** Weights of a feed-forward layer. */
export interface FeedForwardWeights {
  readonly up: Matrix;
  readonly upBias: Bias | undefined;
  readonly down: Matrix;
  readonly downBias: Bias | undefined;
  readonly activation: Activation;
}

/** The position-wise feed-forward layer `f(x W1 + b1) W2 + b2` (Vaswani et al. 2017). */
export function feedForward(graph: ModelGraph, name: string, x: Value, weights: FeedForwardWeights): Value {
  const up = layerLinear(graph, `${name}.up`, x, weights.up, weights.upBias);
  const active = activate(graph, `${name}.activation`, up, weights.activation);
  return layerLinear(graph, `${name}.down`, active, weights.down, weights.downBias);
}

/** Weights of a gated feed-forward layer. */
export interface GatedFeedForwardWeights extends FeedForwardWeights {
  readonly gate: Matrix;
  readonly gateBias: Bias | undefined;
}

/** A gated feed-forward layer, `(f(x W) ⊙ x V) W2` (Shazeer 2020): GeGLU where `f` is GELU. */
export function gatedFeedForward(
  graph: ModelGraph,
  name: string,
  x: Value,
  weights: GatedFeedForwardWeights,
): Value {
  const up = layerLinear(graph, `${name}.up`, x, weights.up, weights.upBias);
  const gate = layerLinear(graph, `${name}.gate`, x, weights.gate, weights.gateBias);
  const active = activate(graph, `${name}.activation`, up, weights.activation);
  const product = graph.node({ op: 'Mul', inputs: [active, gate], name: `${name}.product` });
  return layerLinear(graph, `${name}.down`, product, weights.down, weights.downBias);
}

/** The two halves of an encoder layer; both return what is added to the residual stream. */
export interface EncoderSublayers {
  /** Of all tokens' normalised hidden states, for the wanted rows. */
  attention(x: Value): Value;
  feedForward(x: Value): Value;
  /** Which rows are wanted, where not all are: their part of the residual stream. */
  readonly rows: Value | undefined;
}

/** An encoder layer that normalises after each residual sum (Vaswani et al. 2017; BERT, Devlin et al. 2018). */
export function postNormLayer(
  graph: ModelGraph,
  name: string,
  x: Value,
  sublayers: EncoderSublayers,
  norms: { readonly attention: NormWeights; readonly feedForward: NormWeights },
): Value {
  const update = sublayers.attention(x);
  const stream = wanted(graph, name, x, sublayers.rows);
  const middle = layerNorm(graph, `${name}.attention_norm`, { stream, update }, norms.attention).normalized;
  const last = { stream: middle, update: sublayers.feedForward(middle) };
  return layerNorm(graph, `${name}.feed_forward_norm`, last, norms.feedForward).normalized;
}

/** Normalises the residual stream with its update added. */
export type Normalize = (
  name: string,
  residual: Residual,
) => { readonly normalized: Value; readonly stream: Value };

/** An encoder layer that normalises what each sublayer reads (Xiong et al. 2020). Without a first norm, attention reads the stream itself. */
export function preNormLayer(
  graph: ModelGraph,
  name: string,
  residual: Residual,
  sublayers: EncoderSublayers,
  norms: { readonly attention: Normalize | undefined; readonly feedForward: Normalize },
): Residual {
  const before =
    norms.attention === undefined
      ? { normalized: residual.stream, stream: residual.stream }
      : norms.attention(`${name}.attention_norm`, residual);
  const update = sublayers.attention(before.normalized);
  const stream = wanted(graph, name, before.stream, sublayers.rows);
  const between = norms.feedForward(`${name}.feed_forward_norm`, { stream, update });
  return { stream: between.stream, update: sublayers.feedForward(between.normalized) };
}

function wanted(graph: ModelGraph, name: string, stream: Value, rows: Value | undefined): Value {
  return rows === undefined
    ? stream
    : graph.node({ op: 'Gather', inputs: [stream, rows], name: `${name}.wanted` });
}
