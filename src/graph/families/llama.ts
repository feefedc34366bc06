import type { DecoderArchitecture } from '../assembly/decoder-design.js';
import { biasesOf } from '../assembly/decoder-layers.js';
import { decoderSizes } from '../assembly/decoder-source.js';
import { gatedMlps, llamaDesign } from '../assembly/llama-design.js';

/** Llama (Touvron et al. 2023), with biases where config.json says so. */
export const llama: DecoderArchitecture = {
  modelTypes: ['llama'],
  sizes: decoderSizes,
  design: source =>
    llamaDesign(source, {
      attentionBiases: biasesOf(source.config),
      feedForward: gatedMlps(source, 'mlp_bias'),
    }),
};
