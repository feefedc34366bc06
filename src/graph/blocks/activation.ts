import { float, string } from '../onnx/attributes.js';
import type { ModelConfig } from '../config.js';
import type { ModelGraph } from '../model-graph.js';
import type { Value } from '../onnx/graph-builder.js';

/** Element-wise functions, by the names that `hidden_act` of config.json gives them. */
const ACTIVATIONS = [
  'gelu',
  'gelu_new',
  'gelu_fast',
  'gelu_pytorch_tanh',
  'quick_gelu',
  'relu',
  'relu2',
  'silu',
  'swish',
  'sigmoid',
  'tanh',
  'linear',
] as const;

export type Activation = (typeof ACTIVATIONS)[number];

/** The activation that a field of config.json names. */
export function activationOf(config: ModelConfig, field: string, fallback: Activation): Activation {
  return config.choice(field, ACTIVATIONS, fallback);
}

/**
 * Applies an activation; GELU (Hendrycks and Gimpel 2016) comes as its definition by erf and as its
 * approximation by tanh.
 */
export function activate(graph: ModelGraph, name: string, x: Value, activation: Activation): Value {
  const inputs = [x];
  switch (activation) {
    case 'gelu':
      return graph.node({ op: 'Gelu', inputs, name });
    case 'gelu_new':
    case 'gelu_fast':
    case 'gelu_pytorch_tanh':
      return graph.node({ op: 'Gelu', inputs, name, attributes: { approximate: string('tanh') } });
    case 'relu':
      return graph.node({ op: 'Relu', inputs, name });
    case 'relu2':
      return squaredRelu(graph, name, x);
    case 'silu':
    case 'swish':
      return sigmoidUnit(graph, name, x, 1);
    case 'quick_gelu':
      return sigmoidUnit(graph, name, x, 1.702);
    case 'sigmoid':
      return graph.node({ op: 'Sigmoid', inputs, name });
    case 'tanh':
      return graph.node({ op: 'Tanh', inputs, name });
    case 'linear':
      return x;
  }
}

/** `max(x, 0)²` (Primer, So et al. 2021). */
function squaredRelu(graph: ModelGraph, name: string, x: Value): Value {
  const positive = graph.node({ op: 'Relu', inputs: [x], name: `${name}.positive` });
  return graph.node({ op: 'Mul', inputs: [positive, positive], name });
}

/**
 * `x · sigmoid(slope · x)`: SiLU with a slope of 1, an approximation of GELU with 1.702.
 *
 * Operator: com.microsoft.QuickGelu.
 */
function sigmoidUnit(graph: ModelGraph, name: string, x: Value, slope: number): Value {
  return graph.node({
    op: 'QuickGelu',
    domain: 'com.microsoft',
    inputs: [x],
    name,
    attributes: { alpha: float(slope) },
  });
}

/** What an activation never falls below; undefined where there is no such number at 0 or less. */
export function lowestOf(activation: Activation): number | undefined {
  switch (activation) {
    case 'gelu':
    case 'gelu_new':
    case 'gelu_fast':
    case 'gelu_pytorch_tanh':
      return -0.171;
    case 'quick_gelu':
      return -0.1637;
    case 'silu':
    case 'swish':
      return -0.2785;
    case 'relu':
    case 'relu2':
    case 'sigmoid':
      return 0;
    case 'tanh':
    case 'linear':
      return undefined;
  }
}
