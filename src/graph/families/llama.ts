import type { DecoderArchitecture } from '../assembly/decoder-design.js';
import { attentionBiases, gatedMlp, preNormLayer, selfAttention } from '../assembly/decoder-layers.js';
import { rmsNorms } from '../assembly/decoder-norms.js';
import { decoderSizes } from '../assembly/decoder-source.js';
import { rotaryOf } from '../assembly/rope.js';
import { activationOf } from '../blocks/activation.js';

/** Llama (Touvron et al. 2023): pre-norm layers with RMS norm, grouped-query attention, rotary positions and SwiGLU. */
export const llama: DecoderArchitecture = {
  modelTypes: ['llama'],
  sizes: decoderSizes,
  design(source) {
    const { config } = source;
    const rotary = rotaryOf(source);
    const activation = activationOf(config, 'hidden_act', 'silu');
    return {
      normalize: rmsNorms(source),
      layer: (layer, residual) =>
        preNormLayer(layer, residual, {
          attention: x => selfAttention(layer, x, { rotary }, attentionBiases(config)),
          feedForward: x => gatedMlp(layer, x, activation, config.flag('mlp_bias', false)),
        }),
    };
  },
};
