import { ints } from '../onnx/attributes.js';
import type { ModelGraph } from '../model-graph.js';
import type { Value } from '../onnx/graph-builder.js';
import type { Weight } from '../weights/checkpoint.js';
import type { Bias } from './linear.js';

/** Weights of a convolution over time. */
export interface ConvolutionWeights {
  /** `[channels, inputs, kernel]` */
  readonly weight: Weight;
  readonly bias?: Bias | undefined;
}

/** Where the kernels of a convolution lie. */
export interface ConvolutionPlaces {
  /** Points from one to the next. */
  readonly stride: number;
  /** Zeros in front of the first point, and as many behind the last one. */
  readonly around: number;
}

/**
 * A convolution over time.
 *
 * Operator: Conv.
 *
 * @param x `[batch, inputs, time]`
 * @returns `[batch, channels, ⌊(time + 2 · around - kernel) / stride⌋ + 1]`
 */
export function convolution(
  graph: ModelGraph,
  name: string,
  x: Value,
  { weight, bias }: ConvolutionWeights,
  { stride, around }: ConvolutionPlaces,
): Value {
  return graph.node({
    op: 'Conv',
    inputs: [
      x,
      graph.floats(`${name}.weight`, weight.shape, () => weight.load()),
      ...(bias === undefined ? [] : [graph.floats(`${name}.bias`, [bias.size], () => bias.load())]),
    ],
    name,
    attributes: { strides: ints([stride]), pads: ints([around, around]) },
  });
}
