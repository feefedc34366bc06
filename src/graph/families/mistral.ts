import type { DecoderArchitecture } from '../assembly/decoder-design.js';
import { gatedMlp, preNormLayer, selfAttention } from '../assembly/decoder-layers.js';
import { rmsNorms } from '../assembly/decoder-norms.js';
import { rotaryOf } from '../assembly/rope.js';
import { uniformlyWindowedSizes } from '../assembly/windows.js';
import { activationOf } from '../blocks/activation.js';

/** Mistral (Jiang et al. 2023): Llama with a sliding window. */
export const mistral: DecoderArchitecture = {
  modelTypes: ['mistral'],
  sizes: uniformlyWindowedSizes,
  design(source) {
    const rotary = rotaryOf(source);
    const activation = activationOf(source.config, 'hidden_act', 'silu');
    return {
      normalize: rmsNorms(source),
      layer: (layer, residual) =>
        preNormLayer(layer, residual, {
          attention: x => selfAttention(layer, x, { rotary }),
          feedForward: x => gatedMlp(layer, x, activation),
        }),
    };
  },
};
