import { float } from '../onnx/attributes.js';
import type { ModelGraph } from '../model-graph.js';
import type { Value } from '../onnx/graph-builder.js';
import type { Matrix } from '../weights/matrix.js';
import { linear, type Bias } from './linear.js';

/** Weights of a gated feed-forward layer; biases may be absent. */
export interface GatedWeights {
  readonly gate: Matrix;
  readonly up: Matrix;
  readonly down: Matrix;
  readonly gateBias?: Bias | undefined;
  readonly upBias?: Bias | undefined;
  readonly downBias?: Bias | undefined;
}

/** The SwiGLU feed-forward layer, `(silu(x Wg) ⊙ x Wu) Wd` (Shazeer 2020). */
export function swiGlu(graph: ModelGraph, name: string, x: Value, weights: GatedWeights): Value {
  const gate = linear(graph, `${name}.gate`, x, weights.gate, weights.gateBias);
  const up = linear(graph, `${name}.up`, x, weights.up, weights.upBias);
  const product = graph.node({
    op: 'Mul',
    inputs: [silu(graph, `${name}.silu`, gate), up],
    name: `${name}.product`,
  });
  return linear(graph, `${name}.down`, product, weights.down, weights.downBias);
}

/** `x · sigmoid(x)` (Elfwing et al. 2017): QuickGelu with a slope of 1. */
function silu(graph: ModelGraph, name: string, x: Value): Value {
  return graph.node({
    op: 'QuickGelu',
    domain: 'com.microsoft',
    inputs: [x],
    name,
    attributes: { alpha: float(1) },
  });
}
