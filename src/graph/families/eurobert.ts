import type { EncoderArchitecture } from '../assembly/encoder-architecture.js';
import { asEncoder } from '../assembly/decoder-as-encoder.js';
import type { EncoderHeads } from '../assembly/heads/index.js';
import type { ModelConfig } from '../config.js';
import { llama } from './llama.js';

/**
 * EuroBERT (Boizard et al. 2025): Llama's layers, whose tokens see both ways. Weight names are those of Hugging
 * Face's `EuroBertModel`.
 */
export const eurobert: EncoderArchitecture = {
  ...asEncoder({ ...llama, modelTypes: ['eurobert'] }, () => true),
  defaults: { rms_norm_eps: 1e-5, tie_word_embeddings: false },
  heads,
};

function heads(config: ModelConfig): EncoderHeads {
  // The published code calls it by the shorter name.
  const field = config.has('classifier_pooling') ? 'classifier_pooling' : 'clf_pooling';
  const pooling = config.choice(field, ['bos', 'mean', 'late'], 'late');
  return {
    'sequence-classification': {
      pooling: pooling === 'bos' ? 'cls' : 'mean',
      // The mean of the tokens' logits is the logits of the mean before the last, linear layer.
      transformsTokens: pooling === 'late',
      projection: 'classifier',
      transform: ({ weights, sizes: { hiddenSize } }) => ({
        matrix: weights.matrix('dense', hiddenSize, hiddenSize),
        bias: weights.bias('dense', hiddenSize),
        activation: 'gelu',
      }),
    },
    'token-classification': { projection: 'classifier' },
    'fill-mask': {
      matrix: 'lm_head.weight',
      bias: config.flag('mlp_bias', false) ? 'lm_head.bias' : undefined,
    },
  };
}
