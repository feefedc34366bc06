import type { DecoderArchitecture } from '../assembly/decoder-design.js';
import { LLAMA_ATTENTION, parallelLayer, plainMlp, selfAttention } from '../assembly/decoder-layers.js';
import { layerNorms } from '../assembly/decoder-norms.js';
import { decoderSizes } from '../assembly/decoder-source.js';
import { headLayerNorms } from '../assembly/query-key-norms.js';
import { rotaryOf } from '../assembly/rope.js';
import { activationOf } from '../blocks/activation.js';

/**
 * Phi 1, 1.5 and 2 (Gunasekar et al. 2023; Li et al. 2023): both halves of a layer read the same layer norm, half of a
 * head's features turn, and everything has a bias; some have layer norms of each head.
 */
export const phi: DecoderArchitecture = {
  modelTypes: ['phi'],
  names: {
    body: 'model',
    embedding: 'embed_tokens',
    layers: 'layers',
    norm: 'final_layernorm',
    tokenClassifier: 'score',
  },
  defaults: { partial_rotary_factor: 0.5 },
  sizes: decoderSizes,
  design(source) {
    const { config } = source;
    const isNormed = config.flag('qk_layernorm', false);
    const rotary = rotaryOf(source);
    const mlp = {
      within: 'mlp',
      up: 'fc1',
      down: 'fc2',
      inner: config.size('intermediate_size'),
      hasBiases: true,
      activation: activationOf(config, 'hidden_act', 'gelu_new'),
    };
    return {
      normalize: layerNorms(source, 'layer_norm_eps'),
      headBias: true,
      layer: (layer, residual) =>
        parallelLayer(layer, residual, {
          attention(x) {
            const norms = isNormed ? headLayerNorms(layer, 'shared') : undefined;
            const names = { ...LLAMA_ATTENTION, output: 'dense' };
            return selfAttention(layer, x, { rotary, norms }, 'all', names);
          },
          feedForward: x => plainMlp(layer, x, mlp),
        }),
    };
  },
};
