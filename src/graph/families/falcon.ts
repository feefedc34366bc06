import { alibi, alibiSlopes } from '../assembly/alibi.js';
import type { DecoderArchitecture } from '../assembly/decoder-design.js';
import { parallelLayer, plainMlp, preNormLayer } from '../assembly/decoder-layers.js';
import { layerNorms } from '../assembly/decoder-norms.js';
import { multiHeadSizes, type DecoderSizes, type DecoderSource } from '../assembly/decoder-source.js';
import { megatronAttention } from '../assembly/fused-attention.js';
import { rotaryOf } from '../assembly/rope.js';
import { activationOf } from '../blocks/activation.js';
import type { ModelConfig } from '../config.js';
import type { Value } from '../onnx/graph-builder.js';
import { roundToBfloat16 } from '../weights/half-precision.js';

/**
 * Falcon 1 and 2 (Almazrouei et al. 2023): multi-query attention in the first ones, grouped-query attention in those of
 * the "new decoder architecture", mostly with both halves of a layer side by side, and with ALiBi in the smallest.
 */
export const falcon: DecoderArchitecture = {
  modelTypes: ['falcon'],
  names: {
    body: 'transformer',
    embedding: 'word_embeddings',
    layers: 'h',
    norm: 'ln_f',
    tokenClassifier: 'classifier',
  },
  fieldNames: { hidden_size: 'n_embed' },

  sizes(config): DecoderSizes {
    const sizes = multiHeadSizes(config);
    const isGrouped = isNew(config) || !config.flag('multi_query', true);
    const kvHeads = isGrouped ? config.size('num_kv_heads', sizes.heads) : 1;
    if (sizes.heads % kvHeads !== 0)
      config.invalid(`num_attention_heads (${sizes.heads}) is no multiple of num_kv_heads (${kvHeads})`);
    return { ...sizes, kvHeads };
  },

  design(source) {
    const { config, sizes } = source;
    const hasBiases = config.flag('bias', false);
    const mlp = {
      within: 'mlp',
      up: 'dense_h_to_4h',
      down: 'dense_4h_to_h',
      inner: config.size('ffn_hidden_size', 4 * sizes.hiddenSize),
      hasBiases,
      activation: activationOf(config, 'activation', 'gelu'),
    };
    const positions = config.flag('alibi', false)
      ? { rotary: undefined, keyBias: falconAlibi(source) }
      : { rotary: rotaryOf(source) };
    const norms = normsOf(config);
    return {
      normalize: layerNorms(source, 'layer_norm_epsilon'),
      layer: (layer, residual) => {
        const halves = {
          attention: (x: Value) => megatronAttention(layer, x, positions, 'self_attention', hasBiases),
          feedForward: (x: Value) => plainMlp(layer, x, mlp),
        };
        return norms === undefined
          ? preNormLayer(layer, residual, halves)
          : parallelLayer(layer, residual, halves, norms);
      },
    };
  },
};

function isNew(config: ModelConfig): boolean {
  return config.flag('new_decoder_architecture', false);
}

/** Norms of halves side by side; undefined where one half follows the other. */
function normsOf(config: ModelConfig): readonly [attention: string, feedForward?: string] | undefined {
  const isParallel = config.flag('parallel_attn', true);
  const count = config.size('num_ln_in_parallel_attn', isNew(config) ? 2 : 1);
  if (isNew(config) ? !isParallel || count > 2 : count !== 1)
    config.unsupported(
      `parallel_attn is ${isParallel} with num_ln_in_parallel_attn ${count} and new_decoder_architecture ${isNew(config)}`,
    );
  if (!isParallel) return undefined;
  return count === 2 ? ['ln_attn', 'ln_mlp'] : ['input_layernorm'];
}

/** Biases with the digits of bfloat16, as transformers has them, that are scaled like scores. */
function falconAlibi(source: DecoderSource): Value {
  const { heads, headSize } = source.sizes;
  const round = roundToBfloat16;
  return alibi(
    source,
    alibiSlopes(heads),
    (slope, position) => round(round(slope) * round(position)) / Math.sqrt(headSize),
  );
}
