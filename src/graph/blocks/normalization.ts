import { float } from '../onnx/attributes.js';
import type { ModelGraph } from '../model-graph.js';
import { NONE, type Value } from '../onnx/graph-builder.js';
import type { Weight } from '../weights/checkpoint.js';

/** A value on the residual stream, and what is still to be added to it. */
export interface Residual {
  readonly stream: Value;
  /** Undefined at the beginning, when nothing was added yet. */
  readonly update: Value | undefined;
}

/** The residual stream with nothing left to add. */
export function sumOf(graph: ModelGraph, name: string, { stream, update }: Residual): Value {
  return update === undefined ? stream : graph.node({ op: 'Add', inputs: [stream, update], name });
}

/** The result of a norm: the normalised value, and the residual stream with nothing left to add. */
export interface Normalized {
  readonly normalized: Value;
  readonly stream: Value;
}

/**
 * Root mean square normalisation, `x / sqrt(mean(x²) + epsilon) · weight` (Zhang and Sennrich 2019), of the
 * residual stream with its update added, in one operator.
 */
export function rmsNorm(
  graph: ModelGraph,
  name: string,
  { stream, update }: Residual,
  weight: Weight,
  epsilon: number,
): Normalized {
  const gamma = graph.floats(`${name}.weight`, weight.shape, () => weight.load());
  const attributes = { epsilon: float(epsilon) };
  if (update === undefined) {
    const inputs = [stream, gamma];
    return {
      normalized: graph.node({ op: 'SimplifiedLayerNormalization', inputs, name, attributes }),
      stream,
    };
  }
  const sum = `${name}.sum`;
  const normalized = graph.node({
    op: 'SkipSimplifiedLayerNormalization',
    domain: 'com.microsoft',
    inputs: [stream, update, gamma],
    name,
    outputs: [name, NONE, NONE, sum],
    attributes,
  });
  return { normalized, stream: sum };
}
