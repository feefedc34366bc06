import { decoderSizes, type DecoderArchitecture } from './decoder.js';
import { rmsNorms, writeDecoder } from './decoder-graph.js';
import {
  activationOf,
  gatedMlp,
  hasWindow,
  preNormLayer,
  selfAttention,
  slidingWindows,
} from './decoder-layers.js';
import { readRope, ropeTables } from './rope.js';

/** Mistral (Jiang et al. 2023): Llama with a sliding window. */
export const mistral: DecoderArchitecture = {
  modelTypes: ['mistral'],
  sizes: decoderSizes,
  write(source) {
    const { config, sizes } = source;
    const rotary = ropeTables(source, 'rotary', readRope(config, sizes));
    const windows = slidingWindows(config, sizes, () => hasWindow(config));
    const activation = activationOf(config, 'hidden_act', 'silu');
    writeDecoder(source, {
      normalize: rmsNorms(source),
      layer: (layer, residual) =>
        preNormLayer(layer, residual, {
          attention: x => selfAttention(layer, x, { rotary, window: windows[layer.index] }),
          feedForward: x => gatedMlp(layer, x, activation),
        }),
    });
  },
};
