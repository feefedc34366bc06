import { headSizeOf, type EncoderArchitecture } from '../assembly/encoder-architecture.js';
import { bertEncoder, storedPositions } from '../assembly/bert-design.js';
import { namedLayer } from '../assembly/layer-weights.js';
import { activationOf } from '../blocks/activation.js';
import { sinusoidalPositions } from '../blocks/position-table.js';
import { MOST } from '../config.js';
import { TOKEN_HEADS } from './bert.js';

/** The model's code has it, not config.json. */
const EPSILON = 1e-12;

/**
 * DistilBERT (Sanh et al. 2019): BERT without segments and pooler. Weight names are those of Hugging Face's
 * `DistilBertModel`.
 */
export const distilbert: EncoderArchitecture = {
  modelTypes: ['distilbert'],
  bodyName: 'distilbert',
  embedding: 'embeddings.word_embeddings.weight',

  sizes(config) {
    const hiddenSize = config.size('dim', undefined, MOST.width);
    const heads = config.size('n_heads');
    return {
      layers: config.size('n_layers', undefined, MOST.layers),
      hiddenSize,
      heads,
      headSize: headSizeOf(config, hiddenSize, heads),
      vocabularySize: config.size('vocab_size'),
      segments: 1,
      contextLength: config.size('max_position_embeddings', undefined, MOST.context),
    };
  },

  hiddenStates(source) {
    const { config, sizes } = source;
    const intermediateSize = config.size('hidden_dim');
    return bertEncoder(source, {
      epsilon: EPSILON,
      activation: activationOf(config, 'activation', 'gelu'),
      positions: config.flag('sinusoidal_pos_embds', false)
        ? sinusoidalPositions(sizes.contextLength, sizes.hiddenSize)
        : storedPositions(source),
      layer: index => {
        const prefix = `transformer.layer.${index}`;
        const names = {
          query: `${prefix}.attention.q_lin`,
          key: `${prefix}.attention.k_lin`,
          value: `${prefix}.attention.v_lin`,
          output: `${prefix}.attention.out_lin`,
          attentionNorm: `${prefix}.sa_layer_norm`,
          up: `${prefix}.ffn.lin1`,
          down: `${prefix}.ffn.lin2`,
          feedForwardNorm: `${prefix}.output_layer_norm`,
        };
        return namedLayer(source, names, intermediateSize);
      },
    });
  },

  heads: config => ({
    ...TOKEN_HEADS,
    'sequence-classification': {
      pooling: 'cls',
      projection: 'classifier',
      transform: ({ weights, sizes: { hiddenSize } }) => ({
        matrix: weights.matrix('pre_classifier', hiddenSize, hiddenSize),
        bias: weights.bias('pre_classifier', hiddenSize),
        activation: 'relu',
      }),
    },
    'fill-mask': {
      matrix: 'vocab_projector.weight',
      bias: 'vocab_projector.bias',
      transform: ({ weights, sizes: { hiddenSize } }) => ({
        matrix: weights.matrix('vocab_transform', hiddenSize, hiddenSize),
        bias: weights.bias('vocab_transform', hiddenSize),
        activation: activationOf(config, 'activation', 'gelu'),
        norm: weights.norm('vocab_layer_norm', hiddenSize, EPSILON),
      }),
    },
  }),
};
