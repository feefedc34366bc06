import { ints } from '../onnx/attributes.js';
import type { ModelGraph } from '../model-graph.js';
import type { Value } from '../onnx/graph-builder.js';
import type { Weight } from '../weights/checkpoint.js';
import type { Bias } from './linear.js';

/** Weights of a convolution over time. */
export interface ConvolutionWeights {
  /** `[channels, inputs, kernel]`, of an odd kernel. */
  readonly weight: Weight;
  readonly bias: Bias;
}

/**
 * A convolution over time, with zeros around: every `stride`th point is the middle of a kernel, from the first on.
 *
 * Operator: Conv.
 *
 * @param x `[batch, inputs, time]`
 * @returns `[batch, channels, ⌈time / stride⌉]`
 */
export function convolution(
  graph: ModelGraph,
  name: string,
  x: Value,
  { weight, bias }: ConvolutionWeights,
  stride: number,
): Value {
  const kernel = weight.shape.at(-1)!;
  const around = (kernel - 1) / 2;
  return graph.node({
    op: 'Conv',
    inputs: [
      x,
      graph.floats(`${name}.weight`, weight.shape, () => weight.load()),
      graph.floats(`${name}.bias`, [bias.size], () => bias.load()),
    ],
    name,
    attributes: { strides: ints([stride]), pads: ints([around, around]) },
  });
}
