import type { EncoderArchitecture, EncoderSource } from '../assembly/encoder-architecture.js';
import { bertEncoder, normBy, type AttendingLayer, type LayerWeights } from '../assembly/bert-design.js';
import { dense, part, squareAttention, type Dense } from '../assembly/layer-weights.js';
import { alibiBias } from '../blocks/alibi.js';
import { arrangeHeads } from '../blocks/bidirectional-attention.js';
import { gridAttention, QUERY_MARK } from '../blocks/grid-attention.js';
import { layerLinear } from '../blocks/layer-linear.js';
import type { Value } from '../onnx/graph-builder.js';
import { bertDesign, bertHeads, bertLayer, bertSizes } from './bert.js';

/**
 * JinaBERT (Günther et al. 2023), of jina-embeddings-v2: BERT with ALiBi in place of position vectors and a gated
 * feed-forward half. Weight names are those of its makers' code in its two versions, which call it a `bert`.
 */
export const jinaBert: EncoderArchitecture = {
  modelTypes: ['bert'],
  matches: config => config.string('position_embedding_type', 'absolute') === 'alibi',
  bodyName: 'bert',
  embedding: 'embeddings.word_embeddings.weight',

  sizes: config => bertSizes(config, 0, ['alibi']),

  hiddenStates(source) {
    const { graph, config, batch, body, sizes } = source;
    const kind = config.choice('feed_forward_type', ['geglu', 'reglu'], 'geglu');
    const normsHeads = body.has('encoder.layer.0.attention.self.layer_norm_q.weight');
    const bias = alibiBias(graph, batch.grid, sizes.heads);
    return bertEncoder(source, {
      ...bertDesign(source, { positions: undefined }),
      activation: kind === 'geglu' ? 'gelu' : 'relu',
      attentionBias: bias,
      layer: index => layerWeights(source, index, normsHeads),
      ...(normsHeads && { attend: (layer, x) => attendWithNorms(source, layer, x, bias) }),
    });
  },

  heads: bertHeads,
};

/** @param normsHeads whether it is the later version, which calls most things otherwise. */
function layerWeights(source: EncoderSource, index: number, normsHeads: boolean): LayerWeights {
  const { config, body, sizes } = source;
  const { hiddenSize } = sizes;
  const inner = config.size('intermediate_size');
  const names = bertLayer(index);
  const prefix = `encoder.layer.${index}`;
  const mlp = body.within(`${prefix}.mlp`);
  const packed = dense(mlp, normsHeads ? 'up_gated_layer' : 'gated_layers', 2 * inner, hiddenSize, false);
  const half = (first: number): Dense => part(packed, first, inner);
  const down = dense(mlp, normsHeads ? 'down_layer' : 'wo', hiddenSize, inner);
  return {
    attention: squareAttention(body, names, hiddenSize),
    feedForward: {
      gate: half(normsHeads ? 1 : 0).matrix,
      up: half(normsHeads ? 0 : 1).matrix,
      down: down.matrix,
      downBias: down.bias,
    },
    attentionNorm: normsHeads ? `${prefix}.layer_norm_1` : names.attentionNorm,
    feedForwardNorm: normsHeads ? `${prefix}.layer_norm_2` : `${prefix}.mlp.layernorm`,
  };
}

/** Attention with norms over all heads' queries and keys, and one over its sum with what it read. */
function attendWithNorms(
  source: EncoderSource,
  { name, index, weights, isNarrowed }: AttendingLayer,
  x: Value,
  bias: Value,
): Value {
  const { graph, config, batch, sizes } = source;
  const { heads, headSize, hiddenSize } = sizes;
  const prefix = `encoder.layer.${index}.attention`;
  const norm = (weight: string, stream: Value, update?: Value): Value =>
    normBy(source, config.positive('layer_norm_eps', 1e-12))(`${prefix}.${weight}`, hiddenSize)(
      `${name}.${weight}`,
      { stream, update },
    ).normalized;
  const [query, key, value] = (['query', 'key', 'value'] as const).map(side =>
    layerLinear(graph, `${name}.${side}`, x, weights[side], weights[`${side}Bias`]),
  ) as [Value, Value, Value];
  const marked = (side: string, part: Value, mark: number): Value =>
    arrangeHeads(graph, `${name}.${side}`, part, { count: heads, heads, size: headSize, mark });
  const packed = {
    query: marked('query', norm('self.layer_norm_q', query), QUERY_MARK),
    key: marked('key', norm('self.layer_norm_k', key), 0),
    value,
    heads,
    headSize,
    scale: 1 / Math.sqrt(headSize),
  };
  const attended = gridAttention(graph, name, packed, batch.global(isNarrowed, bias));
  const output = layerLinear(graph, `${name}.output`, attended, weights.output, weights.outputBias);
  return norm('output.LayerNorm', isNarrowed ? batch.listed(`${name}.read`, x) : x, output);
}
