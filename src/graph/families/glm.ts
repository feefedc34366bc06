import type { DecoderArchitecture } from '../assembly/decoder-design.js';
import { sandwichNormLayer } from '../assembly/decoder-layers.js';
import { decoderSizes, type DecoderSource } from '../assembly/decoder-source.js';
import { llamaDesign, type LlamaDifferences } from '../assembly/llama-design.js';
import { fusedMlp } from './phi3.js';

const DEFAULTS = {
  rms_norm_eps: 1.5625e-7,
  head_dim: 128,
  partial_rotary_factor: 0.5,
  attention_bias: true,
};

/** GLM-4 (Team GLM 2024): Llama that turns neighbours in the first half of each head, with biases of the inputs. */
export const glm: DecoderArchitecture = {
  modelTypes: ['glm'],
  defaults: DEFAULTS,
  sizes: decoderSizes,
  design: source => llamaDesign(source, glmDifferences(source)),
};

/** GLM-4-0414 (Team GLM 2025): norms of what halves of a layer give, too. */
export const glm4: DecoderArchitecture = {
  modelTypes: ['glm4'],
  defaults: DEFAULTS,
  sizes: decoderSizes,
  design: source =>
    llamaDesign(source, {
      ...glmDifferences(source),
      layer: (layer, residual, halves) =>
        sandwichNormLayer(
          layer,
          residual,
          halves,
          ['input_layernorm', 'post_attention_layernorm'],
          ['post_self_attn_layernorm', 'post_mlp_layernorm'],
        ),
    }),
};

function glmDifferences({ config }: DecoderSource): LlamaDifferences {
  return {
    interleaved: true,
    attentionBiases: config.flag('attention_bias') ? 'inputs' : 'none',
    feedForward: (layer, x) => fusedMlp(layer, x),
  };
}
