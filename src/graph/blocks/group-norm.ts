import { float } from '../onnx/attributes.js';
import type { ModelGraph } from '../model-graph.js';
import { DataType, type Value } from '../onnx/graph-builder.js';
import type { NormWeights } from '../weights/model-weights.js';

/**
 * Group normalisation (Wu and He 2018) of one group: each row is normalised over all of its channels and points in
 * time, then scaled and shifted by channel.
 *
 * Operator: InstanceNormalization, of the row as one channel.
 *
 * @param x `[batch, channels, time]`
 * @returns the same shape.
 */
export function groupNorm(
  graph: ModelGraph,
  name: string,
  x: Value,
  { weight, bias, epsilon }: NormWeights,
): Value {
  const [channels] = weight.shape as [number];
  const shape = (part: string, sizes: readonly number[]): Value =>
    graph.constant(`${name}.${part}`, [3], [...sizes]);
  const one = (part: string, value: number): Value =>
    graph.constant(`${name}.${part}`, [1], [value], DataType.FLOAT);
  const node = (op: string, part: string, inputs: readonly Value[], attributes = {}): Value =>
    graph.node({ op, inputs, name: part === '' ? name : `${name}.${part}`, attributes });
  const whole = node('Reshape', 'whole', [x, shape('one_channel', [0, 1, -1])]);
  const normalized = node('InstanceNormalization', 'normalized', [whole, one('one', 1), one('zero', 0)], {
    epsilon: float(epsilon),
  });
  const apart = node('Reshape', 'apart', [normalized, shape('channels', [0, channels, -1])]);
  const gamma = graph.floats(`${name}.weight`, [channels, 1], () => weight.load());
  const scaled = node('Mul', bias === undefined ? '' : 'scaled', [apart, gamma]);
  if (bias === undefined) return scaled;
  const beta = graph.floats(`${name}.bias`, [channels, 1], () => bias.load());
  return node('Add', '', [scaled, beta]);
}
