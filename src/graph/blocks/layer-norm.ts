import { float } from '../onnx/attributes.js';
import type { ModelGraph } from '../model-graph.js';
import { NONE } from '../onnx/graph-builder.js';
import type { NormWeights } from '../weights/model-weights.js';
import type { Normalized, Residual } from './normalization.js';

/** Layer normalisation (Ba et al. 2016) of the residual stream with its update added, in one operator. */
export function layerNorm(
  graph: ModelGraph,
  name: string,
  { stream, update }: Residual,
  { weight, bias, epsilon }: NormWeights,
): Normalized {
  const gamma = graph.floats(`${name}.weight`, weight.shape, () => weight.load());
  const parameters = [gamma];
  if (bias !== undefined) parameters.push(graph.floats(`${name}.bias`, bias.shape, () => bias.load()));
  const attributes = { epsilon: float(epsilon) };
  if (update === undefined) {
    const inputs = [stream, ...parameters];
    return { normalized: graph.node({ op: 'LayerNormalization', inputs, name, attributes }), stream };
  }
  const sum = `${name}.sum`;
  const normalized = graph.node({
    op: 'SkipLayerNormalization',
    domain: 'com.microsoft',
    inputs: [stream, update, ...parameters],
    name,
    outputs: [name, NONE, NONE, sum],
    attributes,
  });
  return { normalized, stream: sum };
}
