import type { DecoderArchitecture } from '../assembly/decoder-architecture.js';
import { decoderSizes } from '../assembly/decoder-architecture.js';
import { rmsNorms, writeDecoder } from '../assembly/decoder-body.js';
import { activationOf, gatedMlp, preNormLayer, selfAttention } from '../assembly/decoder-layers.js';
import { readRope, ropeTables } from '../assembly/rope.js';

/** Llama (Touvron et al. 2023): pre-norm layers with RMS norm, grouped-query attention, rotary positions and SwiGLU. */
export const llama: DecoderArchitecture = {
  modelTypes: ['llama'],
  sizes: decoderSizes,
  write(source) {
    const { config, sizes } = source;
    const rotary = ropeTables(source, 'rotary', readRope(config, sizes));
    const attentionBiases = config.flag('attention_bias', false) ? 'all' : 'none';
    const activation = activationOf(config, 'hidden_act', 'silu');
    writeDecoder(source, {
      normalize: rmsNorms(source),
      layer: (layer, residual) =>
        preNormLayer(layer, residual, {
          attention: x => selfAttention(layer, x, { rotary }, attentionBiases),
          feedForward: x => gatedMlp(layer, x, activation, config.flag('mlp_bias', false)),
        }),
    });
  },
};
