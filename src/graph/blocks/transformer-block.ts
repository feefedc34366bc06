import type { ModelGraph } from '../model-graph.js';
import type { Value } from '../onnx/graph-builder.js';
import type { NormWeights } from '../weights/model-weights.js';
import { layerNorm } from './layer-norm.js';
import type { Normalized, Residual } from './normalization.js';

/** The two halves of a transformer's layer; both return what is added to the residual stream. */
export interface Sublayers {
  /** Reads all tokens, and returns the wanted rows. */
  attention(x: Value): Value;
  feedForward(x: Value): Value;
}

/** Takes the wanted rows of the residual stream, as the attention of the layer did; mostly all. */
export type Narrow = (stream: Value) => Value;

/** Normalises the residual stream with its update added. */
export type Normalize = (name: string, residual: Residual) => Normalized;

/**
 * A layer that normalises what each half reads (Xiong et al. 2020). Without a first norm, attention reads the
 * stream itself.
 */
export function preNormBlock(
  name: string,
  residual: Residual,
  sublayers: Sublayers,
  norms: { readonly attention: Normalize | undefined; readonly feedForward: Normalize },
  narrow: Narrow,
): Residual {
  const before = norms.attention?.(`${name}.attention_norm`, residual) ?? {
    normalized: residual.stream,
    stream: residual.stream,
  };
  const update = sublayers.attention(before.normalized);
  const between = norms.feedForward(`${name}.feed_forward_norm`, { stream: narrow(before.stream), update });
  return { stream: between.stream, update: sublayers.feedForward(between.normalized) };
}

/** A layer that normalises after each residual sum (Vaswani et al. 2017; BERT, Devlin et al. 2018). */
export function postNormBlock(
  graph: ModelGraph,
  name: string,
  x: Value,
  sublayers: Sublayers,
  norms: { readonly attention: NormWeights; readonly feedForward: NormWeights },
  narrow: Narrow,
): Value {
  const update = sublayers.attention(x);
  const attended = { stream: narrow(x), update };
  const middle = layerNorm(graph, `${name}.attention_norm`, attended, norms.attention).normalized;
  const last = { stream: middle, update: sublayers.feedForward(middle) };
  return layerNorm(graph, `${name}.feed_forward_norm`, last, norms.feedForward).normalized;
}
