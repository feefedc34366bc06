import { embeddingTable } from '../blocks/embedding.js';
import { linear } from '../blocks/linear.js';
import { headTransform, vocabularyLogits } from '../blocks/prediction-head.js';
import type { ModelConfig } from '../config.js';
import {
  configuredActivation,
  headSizeOf,
  type EncoderArchitecture,
  type EncoderSizes,
} from '../assembly/encoder-architecture.js';
import { postNormEncoder, wordTable, type LayerNames } from '../assembly/post-norm-encoder.js';

/** BERT (Devlin et al. 2018), and MiniLM, which has its form. Weight names are those of Hugging Face's `BertModel`. */
export const bert: EncoderArchitecture = {
  modelTypes: ['bert'],
  bodyName: 'bert',
  probe: 'embeddings.word_embeddings.weight',

  sizes: config => bertSizes(config, 0),

  hiddenStates(source) {
    const { config } = source;
    return postNormEncoder(source, {
      firstPosition: 0,
      epsilon: config.positive('layer_norm_eps', 1e-12),
      activation: configuredActivation(config, 'hidden_act', 'gelu'),
      layer: bertLayer,
    });
  },

  sequencePooling: () => 'cls',

  classifySequences({ graph, body, weights, sizes }, pooled, labels) {
    const { hiddenSize } = sizes;
    const pooler = headTransform(graph, 'pooler', pooled, {
      matrix: body.matrix('pooler.dense', hiddenSize, hiddenSize),
      bias: body.bias('pooler.dense', hiddenSize),
      activation: 'tanh',
    });
    const classifier = weights.matrix('classifier', labels, hiddenSize);
    return linear(graph, 'classifier', pooler, classifier, weights.bias('classifier', labels));
  },

  classifyTokens({ graph, weights, sizes }, hidden, labels) {
    const classifier = weights.matrix('classifier', labels, sizes.hiddenSize);
    return linear(graph, 'classifier', hidden, classifier, weights.bias('classifier', labels));
  },

  markSpans({ graph, weights, sizes }, hidden) {
    const spans = weights.matrix('qa_outputs', 2, sizes.hiddenSize);
    return linear(graph, 'spans', hidden, spans, weights.bias('qa_outputs', 2));
  },

  fillMasks(source, hidden) {
    const { graph, config, weights, sizes } = source;
    const { hiddenSize, vocabularySize } = sizes;
    const predictions = weights.within('cls.predictions');
    const transformed = headTransform(graph, 'prediction', hidden, {
      matrix: predictions.matrix('transform.dense', hiddenSize, hiddenSize),
      bias: predictions.bias('transform.dense', hiddenSize),
      activation: configuredActivation(config, 'hidden_act', 'gelu'),
      norm: predictions.norm('transform.LayerNorm', hiddenSize, config.positive('layer_norm_eps', 1e-12)),
    });
    const table = config.flag('tie_word_embeddings', true)
      ? wordTable(source)
      : embeddingTable(
          graph,
          'prediction.words',
          predictions.weight('decoder.weight', [vocabularySize, hiddenSize]),
        );
    const bias = predictions.weight('bias', [vocabularySize]);
    return vocabularyLogits(graph, 'vocabulary', transformed, table, {
      size: vocabularySize,
      load: () => bias.load(),
    });
  },
};

/**
 * Sizes by BERT's field names.
 *
 * @param firstPosition rows of the position table that no token uses.
 */
export function bertSizes(config: ModelConfig, firstPosition: number): EncoderSizes {
  config.choice('position_embedding_type', ['absolute'], 'absolute');
  const hiddenSize = config.size('hidden_size');
  const heads = config.size('num_attention_heads');
  const contextLength = config.size('max_position_embeddings') - firstPosition;
  if (contextLength < 1) config.invalid('max_position_embeddings leaves no position for a token');
  return {
    layers: config.size('num_hidden_layers'),
    hiddenSize,
    heads,
    headSize: headSizeOf(config, hiddenSize, heads),
    intermediateSize: config.size('intermediate_size'),
    vocabularySize: config.size('vocab_size'),
    segments: config.size('type_vocab_size', 2),
    contextLength,
  };
}

/** Names in a layer of BERT and RoBERTa. */
export function bertLayer(index: number): LayerNames {
  const prefix = `encoder.layer.${index}`;
  return {
    query: `${prefix}.attention.self.query`,
    key: `${prefix}.attention.self.key`,
    value: `${prefix}.attention.self.value`,
    output: `${prefix}.attention.output.dense`,
    attentionNorm: `${prefix}.attention.output.LayerNorm`,
    up: `${prefix}.intermediate.dense`,
    down: `${prefix}.output.dense`,
    feedForwardNorm: `${prefix}.output.LayerNorm`,
  };
}
