import type { DecoderArchitecture } from './decoder.js';
import { rmsNorms, writeDecoder } from './decoder-graph.js';
import { activationOf, gatedMlp, preNormLayer, selfAttention } from './decoder-layers.js';
import { readRope, ropeTables } from './rope.js';
import { uniformlyWindowedSizes } from './sliding-windows.js';

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
