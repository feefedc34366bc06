import type { EncoderArchitecture } from '../assembly/encoder-architecture.js';
import type { EncoderHeads } from '../assembly/heads/index.js';
import { postNormEncoder } from '../assembly/post-norm-encoder.js';
import { activationOf } from '../blocks/activation.js';
import type { ModelConfig } from '../config.js';
import { bertLayer, bertSizes, TOKEN_HEADS } from './bert.js';

/**
 * RoBERTa (Liu et al. 2019), XLM-RoBERTa (Conneau et al. 2019) and CamemBERT. Weight names are those of
 * Hugging Face's `RobertaModel`.
 */
export const roberta: EncoderArchitecture = {
  modelTypes: ['roberta', 'xlm-roberta', 'camembert'],
  bodyName: 'roberta',
  embedding: 'embeddings.word_embeddings.weight',

  sizes: config => bertSizes(config, firstPosition(config)),

  hiddenStates(source) {
    const { config } = source;
    return postNormEncoder(source, {
      firstPosition: firstPosition(config),
      epsilon: config.positive('layer_norm_eps', 1e-12),
      intermediateSize: config.size('intermediate_size'),
      activation: activationOf(config, 'hidden_act', 'gelu'),
      layer: bertLayer,
    });
  },

  heads: robertaHeads,
};

/** Positions are counted from the padding's id on, as fairseq does. */
export function firstPosition(config: ModelConfig): number {
  return config.count('pad_token_id', 1) + 1;
}

/** The heads of RoBERTa and MPNet. */
export function robertaHeads(config: ModelConfig): EncoderHeads {
  return {
    ...TOKEN_HEADS,
    'sequence-classification': {
      pooling: 'cls',
      projection: 'classifier.out_proj',
      transform: ({ weights, sizes: { hiddenSize } }) => ({
        matrix: weights.matrix('classifier.dense', hiddenSize, hiddenSize),
        bias: weights.bias('classifier.dense', hiddenSize),
        activation: 'tanh',
      }),
    },
    'fill-mask': {
      matrix: 'lm_head.decoder.weight',
      bias: 'lm_head.bias',
      transform: ({ weights, sizes: { hiddenSize } }) => ({
        matrix: weights.matrix('lm_head.dense', hiddenSize, hiddenSize),
        bias: weights.bias('lm_head.dense', hiddenSize),
        activation: 'gelu',
        norm: weights.norm('lm_head.layer_norm', hiddenSize, config.positive('layer_norm_eps', 1e-12)),
      }),
    },
  };
}
