import { alibi, alibiSlopes } from '../assembly/alibi.js';
import type { DecoderArchitecture } from '../assembly/decoder-design.js';
import { plainMlp, preNormLayer } from '../assembly/decoder-layers.js';
import { layerNorms } from '../assembly/decoder-norms.js';
import { GPT_NAMES, multiHeadSizes } from '../assembly/decoder-source.js';
import { megatronAttention } from '../assembly/fused-attention.js';

/** The length that all of Bloom's models were trained with. */
const CONTEXT = 2048;

/**
 * Bloom and Bloomz (BigScience 2022): ALiBi in place of positions, a layer norm of the embeddings, GELU and biases
 * everywhere.
 */
export const bloom: DecoderArchitecture = {
  modelTypes: ['bloom'],
  names: {
    body: 'transformer',
    embedding: 'word_embeddings',
    layers: 'h',
    norm: 'ln_f',
    tokenClassifier: 'classifier',
  },
  defaults: { max_position_embeddings: CONTEXT },
  fieldNames: { ...GPT_NAMES, hidden_size: 'n_embed', max_position_embeddings: 'seq_length' },
  sizes: multiHeadSizes,

  design(source) {
    const { config, sizes } = source;
    if (config.flag('apply_residual_connection_post_layernorm', false))
      config.unsupported('apply_residual_connection_post_layernorm is true');
    const normalize = layerNorms(source, 'layer_norm_epsilon');
    const positions = { rotary: undefined, keyBias: alibi(source, alibiSlopes(sizes.heads)) };
    const mlp = {
      within: 'mlp',
      up: 'dense_h_to_4h',
      down: 'dense_4h_to_h',
      inner: 4 * sizes.hiddenSize,
      hasBiases: true,
      activation: 'gelu_new',
    } as const;
    return {
      normalize,
      afterEmbedding: (stream, _, body) =>
        normalize('embedded_norm', { stream, update: undefined }, body, 'word_embeddings_layernorm')
          .normalized,
      layer: (layer, residual) =>
        preNormLayer(layer, residual, {
          attention: x => megatronAttention(layer, x, positions, 'self_attention', true),
          feedForward: x => plainMlp(layer, x, mlp),
        }),
    };
  },
};
