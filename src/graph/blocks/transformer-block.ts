import type { Value } from '../onnx/graph-builder.js';
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

/** The part of a decoder's layer that attends to a source, between the two halves. */
export interface CrossSublayer {
  /** Returns what is added to the residual stream. */
  readonly attention: (x: Value) => Value;
  readonly norm: Normalize;
}

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
  cross?: CrossSublayer,
): Residual {
  const before = norms.attention?.(`${name}.attention_norm`, residual) ?? {
    normalized: residual.stream,
    stream: residual.stream,
  };
  const update = sublayers.attention(before.normalized);
  let attended: Residual = { stream: narrow(before.stream), update };
  if (cross !== undefined) {
    const { normalized, stream } = cross.norm(`${name}.cross_attention_norm`, attended);
    attended = { stream, update: cross.attention(normalized) };
  }
  const between = norms.feedForward(`${name}.feed_forward_norm`, attended);
  return { stream: between.stream, update: sublayers.feedForward(between.normalized) };
}

/** A layer that normalises after each residual sum (Vaswani et al. 2017; BERT, Devlin et al. 2018). */
export function postNormBlock(
  name: string,
  x: Value,
  sublayers: Sublayers,
  norms: { readonly attention: Normalize; readonly feedForward: Normalize },
  narrow: Narrow,
  cross?: CrossSublayer,
): Value {
  const update = sublayers.attention(x);
  const attended = { stream: narrow(x), update };
  let middle = norms.attention(`${name}.attention_norm`, attended).normalized;
  if (cross !== undefined) {
    const crossed = { stream: middle, update: cross.attention(middle) };
    middle = cross.norm(`${name}.cross_attention_norm`, crossed).normalized;
  }
  const last = { stream: middle, update: sublayers.feedForward(middle) };
  return norms.feedForward(`${name}.feed_forward_norm`, last).normalized;
}
