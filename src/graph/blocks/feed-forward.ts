import type { ModelGraph } from '../model-graph.js';
import type { Value } from '../onnx/graph-builder.js';
import type { Matrix } from '../weights/matrix.js';
import { activate, lowestOf, type Activation } from './activation.js';
import { layerLinear } from './layer-linear.js';
import type { Bias } from './linear.js';

/** Weights of a gated feed-forward layer; biases may be absent. */
export interface GatedWeights {
  readonly gate: Matrix;
  readonly up: Matrix;
  readonly down: Matrix;
  readonly gateBias?: Bias | undefined;
  readonly upBias?: Bias | undefined;
  readonly downBias?: Bias | undefined;
}

/**
 * A gated feed-forward layer, `(f(x Wg) ⊙ x Wu) Wd` (Shazeer 2020): SwiGLU with SiLU, GeGLU with GELU.
 *
 * @param sparse changes `x Wg` before the activation; default: nothing does.
 */
export function gatedFeedForward(
  graph: ModelGraph,
  name: string,
  x: Value,
  weights: GatedWeights,
  activation: Activation,
  sparse = (gate: Value): Value => gate,
): Value {
  const gate = sparse(layerLinear(graph, `${name}.gate`, x, weights.gate, weights.gateBias));
  const up = layerLinear(graph, `${name}.up`, x, weights.up, weights.upBias);
  const gated = activate(graph, `${name}.${activation}`, gate, activation);
  const product = graph.node({ op: 'Mul', inputs: [gated, up], name: `${name}.product` });
  return layerLinear(graph, `${name}.down`, product, weights.down, weights.downBias);
}

/** Weights of a feed-forward layer; biases may be absent. */
export interface FeedForwardWeights {
  readonly up: Matrix;
  readonly down: Matrix;
  readonly upBias?: Bias | undefined;
  readonly downBias?: Bias | undefined;
}

/** An activation with weights of its own. */
export type TrainedActivation = (name: string, x: Value) => Value;

/** The feed-forward layer of the first transformers, `f(x W1 + b1) W2 + b2` (Vaswani et al. 2017). */
export function feedForward(
  graph: ModelGraph,
  name: string,
  x: Value,
  weights: FeedForwardWeights,
  activation: Activation | TrainedActivation,
): Value {
  const up = layerLinear(graph, `${name}.up`, x, weights.up, weights.upBias);
  const inner =
    typeof activation === 'string'
      ? activate(graph, `${name}.${activation}`, up, activation)
      : activation(`${name}.activation`, up);
  if (typeof activation === 'string') graph.foresee(inner, { lowest: lowestOf(activation) });
  return layerLinear(graph, `${name}.down`, inner, weights.down, weights.downBias);
}
