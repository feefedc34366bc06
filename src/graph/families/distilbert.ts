import { embeddingTable } from '../blocks/embedding.js';
import { linear } from '../blocks/linear.js';
import { sinusoidalPositions } from '../blocks/position-table.js';
import { headTransform, vocabularyLogits } from '../blocks/prediction-head.js';
import { bert } from './bert.js';
import {
  configuredActivation,
  headSizeOf,
  type EncoderArchitecture,
} from '../assembly/encoder-architecture.js';
import { postNormEncoder, wordTable } from '../assembly/post-norm-encoder.js';

/** The model's code has it, not config.json. */
const EPSILON = 1e-12;

/** DistilBERT (Sanh et al. 2019): BERT without segments and pooler. Weight names are those of Hugging Face's `DistilBertModel`. */
export const distilbert: EncoderArchitecture = {
  modelTypes: ['distilbert'],
  bodyName: 'distilbert',
  probe: 'embeddings.word_embeddings.weight',

  sizes(config) {
    const hiddenSize = config.size('dim');
    const heads = config.size('n_heads');
    return {
      layers: config.size('n_layers'),
      hiddenSize,
      heads,
      headSize: headSizeOf(config, hiddenSize, heads),
      intermediateSize: config.size('hidden_dim'),
      vocabularySize: config.size('vocab_size'),
      segments: 1,
      contextLength: config.size('max_position_embeddings'),
    };
  },

  hiddenStates(source) {
    const { config, sizes } = source;
    return postNormEncoder(source, {
      firstPosition: 0,
      epsilon: EPSILON,
      activation: configuredActivation(config, 'activation', 'gelu'),
      positions: config.flag('sinusoidal_pos_embds', false)
        ? sinusoidalPositions(sizes.contextLength, sizes.hiddenSize)
        : undefined,
      layer: index => {
        const prefix = `transformer.layer.${index}`;
        return {
          query: `${prefix}.attention.q_lin`,
          key: `${prefix}.attention.k_lin`,
          value: `${prefix}.attention.v_lin`,
          output: `${prefix}.attention.out_lin`,
          attentionNorm: `${prefix}.sa_layer_norm`,
          up: `${prefix}.ffn.lin1`,
          down: `${prefix}.ffn.lin2`,
          feedForwardNorm: `${prefix}.output_layer_norm`,
        };
      },
    });
  },

  sequencePooling: () => 'cls',

  classifySequences({ graph, weights, sizes }, pooled, labels) {
    const { hiddenSize } = sizes;
    const transformed = headTransform(graph, 'pre_classifier', pooled, {
      matrix: weights.matrix('pre_classifier', hiddenSize, hiddenSize),
      bias: weights.bias('pre_classifier', hiddenSize),
      activation: 'relu',
    });
    const classifier = weights.matrix('classifier', labels, hiddenSize);
    return linear(graph, 'classifier', transformed, classifier, weights.bias('classifier', labels));
  },

  classifyTokens: (source, hidden, labels) => bert.classifyTokens(source, hidden, labels),
  markSpans: (source, hidden) => bert.markSpans(source, hidden),

  fillMasks(source, hidden) {
    const { graph, config, weights, sizes } = source;
    const { hiddenSize, vocabularySize } = sizes;
    const transformed = headTransform(graph, 'prediction', hidden, {
      matrix: weights.matrix('vocab_transform', hiddenSize, hiddenSize),
      bias: weights.bias('vocab_transform', hiddenSize),
      activation: configuredActivation(config, 'activation', 'gelu'),
      norm: weights.norm('vocab_layer_norm', hiddenSize, EPSILON),
    });
    const table = config.flag('tie_word_embeddings', true)
      ? wordTable(source)
      : embeddingTable(
          graph,
          'prediction.words',
          weights.weight('vocab_projector.weight', [vocabularySize, hiddenSize]),
        );
    const bias = weights.bias('vocab_projector', vocabularySize);
    return vocabularyLogits(graph, 'vocabulary', transformed, table, bias);
  },
};
