import { headSizeOf, type EncoderArchitecture, type EncoderSizes } from '../assembly/encoder-architecture.js';
import type { EncoderHeads } from '../assembly/heads/index.js';
import { postNormEncoder, type LayerNames } from '../assembly/post-norm-encoder.js';
import { activationOf } from '../blocks/activation.js';
import { MOST, type ModelConfig } from '../config.js';

/**
 * BERT (Devlin et al. 2018), and MiniLM, which has its form. Weight names are those of Hugging Face's
 * `BertModel`.
 */
export const bert: EncoderArchitecture = {
  modelTypes: ['bert'],
  bodyName: 'bert',
  embedding: 'embeddings.word_embeddings.weight',

  sizes: config => bertSizes(config, 0),

  hiddenStates(source) {
    const { config } = source;
    return postNormEncoder(source, {
      firstPosition: 0,
      epsilon: config.positive('layer_norm_eps', 1e-12),
      intermediateSize: config.size('intermediate_size'),
      activation: activationOf(config, 'hidden_act', 'gelu'),
      layer: bertLayer,
    });
  },

  heads: () => ({
    ...TOKEN_HEADS,
    'sequence-classification': {
      pooling: 'cls',
      projection: 'classifier',
      transform: ({ body, sizes: { hiddenSize } }) => ({
        matrix: body.matrix('pooler.dense', hiddenSize, hiddenSize),
        bias: body.bias('pooler.dense', hiddenSize),
        activation: 'tanh',
      }),
    },
    'fill-mask': {
      matrix: 'cls.predictions.decoder.weight',
      bias: 'cls.predictions.bias',
      transform: ({ config, weights, sizes: { hiddenSize } }) => {
        const own = weights.within('cls.predictions.transform');
        return {
          matrix: own.matrix('dense', hiddenSize, hiddenSize),
          bias: own.bias('dense', hiddenSize),
          activation: activationOf(config, 'hidden_act', 'gelu'),
          norm: own.norm('LayerNorm', hiddenSize, config.positive('layer_norm_eps', 1e-12)),
        };
      },
    },
  }),
};

/** The heads for tokens, which BERT's descendants have taken over. */
export const TOKEN_HEADS: EncoderHeads = {
  'token-classification': { projection: 'classifier' },
  'question-answering': { projection: 'qa_outputs' },
};

/**
 * Sizes by BERT's field names.
 *
 * @param firstPosition rows of the position table that no token uses.
 */
export function bertSizes(config: ModelConfig, firstPosition: number): EncoderSizes {
  config.choice('position_embedding_type', ['absolute'], 'absolute');
  if (config.flag('is_decoder', false))
    config.unsupported('is_decoder is true: an encoder whose tokens see none behind them');
  const hiddenSize = config.size('hidden_size', undefined, MOST.width);
  const heads = config.size('num_attention_heads');
  const contextLength = config.size('max_position_embeddings', undefined, MOST.context) - firstPosition;
  if (contextLength < 1) config.invalid('max_position_embeddings leaves no position for a token');
  return {
    layers: config.size('num_hidden_layers', undefined, MOST.layers),
    hiddenSize,
    heads,
    headSize: headSizeOf(config, hiddenSize, heads),
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
