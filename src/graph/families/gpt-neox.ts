import type { DecoderArchitecture } from '../assembly/decoder-design.js';
import { parallelLayer, plainMlp, preNormLayer } from '../assembly/decoder-layers.js';
import { layerNorms } from '../assembly/decoder-norms.js';
import { multiHeadSizes } from '../assembly/decoder-source.js';
import { megatronAttention } from '../assembly/fused-attention.js';
import { rotaryOf } from '../assembly/rope.js';
import { activationOf } from '../blocks/activation.js';

const NORMS = ['input_layernorm', 'post_attention_layernorm'] as const;

/**
 * GPT-NeoX-20B, Pythia, Dolly and RedPajama (Black et al. 2022; Biderman et al. 2023): both halves of a layer read norms
 * of their own side by side, a part of each head turns, and queries, keys and values of a head lie together.
 */
export const gptNeox: DecoderArchitecture = {
  modelTypes: ['gpt_neox'],
  names: {
    body: 'gpt_neox',
    embedding: 'embed_in',
    layers: 'layers',
    norm: 'final_layer_norm',
    tokenClassifier: 'classifier',
  },
  defaults: { partial_rotary_factor: 0.25 },
  fieldNames: { partial_rotary_factor: 'rotary_pct', rope_theta: 'rotary_emb_base' },
  sizes: multiHeadSizes,
  design(source) {
    const { config } = source;
    const rotary = rotaryOf(source);
    const mlp = {
      within: 'mlp',
      up: 'dense_h_to_4h',
      down: 'dense_4h_to_h',
      inner: config.size('intermediate_size'),
      hasBiases: true,
      activation: activationOf(config, 'hidden_act', 'gelu'),
    };
    const hasBiases = config.flag('attention_bias', true);
    const write = config.flag('use_parallel_residual', true) ? parallelLayer : preNormLayer;
    return {
      normalize: layerNorms(source, 'layer_norm_eps'),
      layer: (layer, residual) =>
        write(
          layer,
          residual,
          {
            attention: x => megatronAttention(layer, x, { rotary }, 'attention', hasBiases),
            feedForward: x => plainMlp(layer, x, mlp),
          },
          NORMS,
        ),
    };
  },
};
