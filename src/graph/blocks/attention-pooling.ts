import type { ModelGraph } from '../model-graph.js';
import type { Value } from '../onnx/graph-builder.js';
import type { Weight } from '../weights/checkpoint.js';
import type { NormWeights } from '../weights/model-weights.js';
import type { Activation } from './activation.js';
import type { AttentionWeights } from './attention-projections.js';
import { feedForward, type FeedForwardWeights } from './feed-forward.js';
import { layerLinear } from './layer-linear.js';
import { layerNorm } from './layer-norm.js';
import { forEveryPicture } from './leading-tokens.js';
import { linear } from './linear.js';
import { attend, type WholeHeads } from './whole-attention.js';

export interface AttentionPoolingWeights {
  /** What attends: `[1, 1, hidden]` */
  readonly probe: Weight;
  readonly attention: AttentionWeights;
  readonly norm: NormWeights;
  readonly feedForward: FeedForwardWeights;
  readonly activation: Activation;
}

/**
 * One vector of a picture, by a learned probe that attends to its tokens, and a feed-forward layer (the head of
 * "Scaling Vision Transformers", Zhai et al. 2021, which SigLIP has).
 *
 * @param hidden `[batch, tokens, hidden]`
 * @returns `[batch, hidden]`
 */
export function attentionPooling(
  graph: ModelGraph,
  name: string,
  hidden: Value,
  { probe, attention, norm, activation, ...weights }: AttentionPoolingWeights,
  heads: WholeHeads,
): Value {
  const width = heads.heads * heads.headSize;
  const learned = graph.floats(`${name}.probe`, [1, 1, width], () => probe.load());
  // The same for every picture: ONNX Runtime works it out once.
  const asked = linear(graph, `${name}.query`, learned, attention.query, attention.queryBias);
  const query = forEveryPicture(graph, `${name}.queries`, hidden, asked, [1, width]);
  const key = layerLinear(graph, `${name}.key`, hidden, attention.key, attention.keyBias);
  const value = layerLinear(graph, `${name}.value`, hidden, attention.value, attention.valueBias);
  const attended = attend(graph, `${name}.attention`, [query, key, value], heads);
  const stream = linear(graph, `${name}.output`, attended, attention.output, attention.outputBias);
  const { normalized } = layerNorm(graph, `${name}.norm`, { stream, update: undefined }, norm);
  const update = feedForward(graph, `${name}.feed_forward`, normalized, weights.feedForward, activation);
  const sum = graph.node({ op: 'Add', inputs: [stream, update], name: `${name}.sum` });
  return graph.node({
    op: 'Squeeze',
    inputs: [sum, graph.constant(`${name}.axis`, [1], [1])],
    name,
  });
}
