import { int, ints } from '../onnx/attributes.js';
import type { ModelGraph } from '../model-graph.js';
import type { Value } from '../onnx/graph-builder.js';
import type { Weight } from '../weights/checkpoint.js';
import type { Bias } from './linear.js';
import type { PackedBatch } from './packed-batch.js';

export interface TextConvolution {
  /** `[width, width / groups, kernel]` */
  readonly kernel: Weight;
  readonly bias: Bias;
  readonly groups: number;
}

/**
 * A convolution over the tokens of each text of a packed batch, with zeros before and behind it.
 *
 * @param x `[tokens, width]`
 * @returns the same shape.
 */
export function convolveTexts(
  graph: ModelGraph,
  name: string,
  x: Value,
  { kernel, bias, groups }: TextConvolution,
  batch: PackedBatch,
): Value {
  const [width, , size] = kernel.shape as [number, number, number];
  const node = (part: string, op: string, ...inputs: Value[]): Value =>
    graph.node({ op, inputs, name: `${name}.${part}` });
  const turned = (part: string, value: Value): Value =>
    graph.node({
      op: 'Transpose',
      inputs: [value],
      name: `${name}.${part}`,
      attributes: { perm: ints([0, 2, 1]) },
    });
  const zeros = graph.floats(`${name}.zeros`, [1, width], () => new Float32Array(width));
  // Padding is index -1: the row that is last.
  const padded = graph.node({
    op: 'Concat',
    inputs: [x, zeros],
    name: `${name}.padded`,
    attributes: { axis: int(0) },
  });
  const channels = turned('channels', node('grid', 'Gather', padded, batch.grid));
  const before = Math.floor((size - 1) / 2);
  const convolved = graph.node({
    op: 'Conv',
    inputs: [
      channels,
      graph.floats(`${name}.kernel`, kernel.shape, () => kernel.load()),
      graph.floats(`${name}.bias`, [width], () => bias.load()),
    ],
    name: `${name}.convolved`,
    attributes: { group: int(groups), kernel_shape: ints([size]), pads: ints([before, before]) },
  });
  const tokens = turned('tokens', convolved);
  const rows = node('rows', 'Reshape', tokens, graph.constant(`${name}.shape`, [2], [-1, width]));
  const { places } = batch.global(false);
  return node('own', 'Gather', rows, places);
}
