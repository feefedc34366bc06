import {
  embeddingSizeOf,
  type EncoderArchitecture,
  type EncoderSizes,
  type EncoderSource,
} from '../assembly/encoder-architecture.js';
import { bertEncoder, normBy, storedPositions, summed, type BertDesign } from '../assembly/bert-design.js';
import type { EncoderHeads } from '../assembly/heads/index.js';
import { dense, namedLayer, squareAttention } from '../assembly/layer-weights.js';
import { activationOf } from '../blocks/activation.js';
import type { AttentionWeights } from '../blocks/attention-projections.js';
import { linear } from '../blocks/linear.js';
import { MOST, type ModelConfig } from '../config.js';
import { everyGroup } from '../weights/matrix.js';
import type { ModelWeights } from '../weights/model-weights.js';
import { bertLayer, bertSizes, predictionTransform, TOKEN_HEADS } from './bert.js';
import { attention, convolution, type Version } from './deberta-layers.js';

/** DeBERTa (He et al. 2020). Weight names are those of Hugging Face's `DebertaModel`. */
export const deberta = debertaFamily('deberta', {
  attention: packedByHead,
  distances: { key: 'pos_proj', query: 'pos_q_proj', keyBias: false },
  hasBuckets: false,
});

/**
 * DeBERTa V2 and V3 (He et al. 2021), with distances in buckets. Weight names are those of Hugging Face's
 * `DebertaV2Model`.
 */
export const debertaV2 = debertaFamily('deberta-v2', {
  attention: (layer, { hiddenSize }) => {
    const names = { query: 'query_proj', key: 'key_proj', value: 'value_proj' };
    const self = Object.entries(names).map(([side, name]) => [side, `attention.self.${name}`]);
    const named = Object.fromEntries(self) as typeof names;
    return squareAttention(layer, { ...named, output: 'attention.output.dense' }, hiddenSize);
  },
  distances: { key: 'pos_key_proj', query: 'pos_query_proj', keyBias: true },
  hasBuckets: true,
});

function debertaFamily(modelType: string, version: Version): EncoderArchitecture {
  return {
    modelTypes: [modelType],
    bodyName: 'deberta',
    embedding: 'embeddings.word_embeddings.weight',
    defaults: { layer_norm_eps: 1e-7, type_vocab_size: 0 },

    sizes(config) {
      const sizes = bertSizes(config, 0);
      if (config.size('attention_head_size', sizes.headSize) !== sizes.headSize)
        config.unsupported('attention_head_size is not hidden_size divided by num_attention_heads');
      if (config.flag('talking_head', false)) config.unsupported('talking_head is true');
      return { ...sizes, embeddingSize: config.size('embedding_size', sizes.hiddenSize, MOST.width) };
    },

    hiddenStates: source => bertEncoder(source, designOf(source, version)),
    heads: headsOf,
  };
}

function designOf(source: EncoderSource, version: Version): BertDesign {
  const { graph, config, body, sizes } = source;
  const { hiddenSize } = sizes;
  const epsilon = config.positive('layer_norm_eps');
  const intermediateSize = config.size('intermediate_size');
  const width = embeddingSizeOf(sizes);
  const norm = normBy(source, epsilon)('embeddings.LayerNorm', hiddenSize);
  return {
    epsilon,
    activation: activationOf(config, 'hidden_act', 'gelu'),
    positions: config.flag('position_biased_input', true) ? storedPositions(source) : undefined,
    embedded(sum) {
      if (width === hiddenSize) return norm('embedding_norm', sum).normalized;
      const projection = dense(body, 'embeddings.embed_proj', hiddenSize, width, false);
      const stream = linear(graph, 'embedded.projected', summed(source, sum), projection.matrix);
      return norm('embedding_norm', { stream, update: undefined }).normalized;
    },
    layer: index =>
      namedLayer(
        source,
        bertLayer(index),
        intermediateSize,
        version.attention(body.within(`encoder.layer.${index}`), sizes),
      ),
    attend: attention(source, version),
    behindLayer: version.hasBuckets ? convolution(source) : undefined,
  };
}

/** Queries, keys and values stand one under the other for each head by itself; keys have no bias. */
function packedByHead(layer: ModelWeights, { hiddenSize, headSize }: EncoderSizes): AttentionWeights {
  const packed = layer.matrix('attention.self.in_proj', 3 * hiddenSize, hiddenSize);
  const [query, key, value] = [0, 1, 2].map(side => everyGroup(packed, headSize, 3, side));
  const output = dense(layer, 'attention.output.dense', hiddenSize, hiddenSize);
  return {
    query: query!,
    key: key!,
    value: value!,
    queryBias: layer.vector('attention.self.q_bias', hiddenSize),
    valueBias: layer.vector('attention.self.v_bias', hiddenSize),
    output: output.matrix,
    outputBias: output.bias,
  };
}

function headsOf(config: ModelConfig): EncoderHeads {
  const isLegacy = config.flag('legacy', true);
  const prediction = isLegacy ? 'cls.predictions' : 'lm_predictions.lm_head';
  return {
    ...TOKEN_HEADS,
    'sequence-classification': {
      pooling: 'cls',
      projection: 'classifier',
      transform({ weights, sizes: { hiddenSize } }) {
        if (config.size('pooler_hidden_size', hiddenSize) !== hiddenSize)
          config.unsupported('pooler_hidden_size is not hidden_size');
        const { matrix, bias } = dense(weights, 'pooler.dense', hiddenSize, hiddenSize);
        return { matrix, bias, activation: activationOf(config, 'pooler_hidden_act', 'gelu') };
      },
    },
    'fill-mask': {
      matrix: 'cls.predictions.decoder.weight',
      bias: `${prediction}.bias`,
      transform: source => predictionTransform(source, isLegacy ? `${prediction}.transform` : prediction),
    },
  };
}
