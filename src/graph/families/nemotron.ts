import type { DecoderArchitecture } from '../assembly/decoder-design.js';
import { biasesOf, plainMlp } from '../assembly/decoder-layers.js';
import { layerNorms } from '../assembly/decoder-norms.js';
import { decoderSizes } from '../assembly/decoder-source.js';
import { llamaDesign } from '../assembly/llama-design.js';
import { activationOf } from '../blocks/activation.js';

/**
 * Nemotron-4 and Minitron (Parmar et al. 2024): Llama with layer norms whose weights are stored less 1, squared ReLU
 * (So et al. 2021) without a gate, and half of each head turned.
 */
export const nemotron: DecoderArchitecture = {
  modelTypes: ['nemotron'],
  defaults: { partial_rotary_factor: 0.5 },
  sizes: decoderSizes,
  design(source) {
    const { config } = source;
    const mlp = {
      within: 'mlp',
      up: 'up_proj',
      down: 'down_proj',
      inner: config.size('intermediate_size'),
      hasBiases: config.flag('mlp_bias', false),
      activation: activationOf(config, 'hidden_act', 'relu2'),
    };
    return llamaDesign(source, {
      normalize: layerNorms(source, 'norm_eps', { storage: 'zero-centred' }),
      attentionBiases: biasesOf(config),
      feedForward: (layer, x) => plainMlp(layer, x, mlp),
    });
  },
};
