import type { DecoderArchitecture } from '../assembly/decoder-architecture.js';
import { rmsNorms, writeDecoder } from '../assembly/decoder-body.js';
import { activationOf, gatedMlp, preNormLayer, selfAttention } from '../assembly/decoder-layers.js';
import { readRope, ropeTables } from '../assembly/rope.js';
import { uniformlyWindowedSizes } from '../assembly/windows.js';

/** Mistral (Jiang et al. 2023): Llama with a sliding window. */
export const mistral: DecoderArchitecture = {
  modelTypes: ['mistral'],
  sizes: uniformlyWindowedSizes,
  write(source) {
    const { config, sizes } = source;
    const rotary = ropeTables(source, 'rotary', readRope(config, sizes));
    const activation = activationOf(config, 'hidden_act', 'silu');
    writeDecoder(source, {
      normalize: rmsNorms(source),
      layer: (layer, residual) =>
        preNormLayer(layer, residual, {
          attention: x => selfAttention(layer, x, { rotary }),
          feedForward: x => gatedMlp(layer, x, activation),
        }),
    });
  },
};
