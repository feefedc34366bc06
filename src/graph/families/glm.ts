import type { DecoderArchitecture } from '../assembly/decoder-design.js';
import { sandwichNormLayer } from '../assembly/decoder-layers.js';
import { decoderSizes, type DecoderSource } from '../assembly/decoder-source.js';
import { balancedExperts } from '../assembly/deepseek-experts.js';
import { llamaDesign, type LlamaDifferences } from '../assembly/llama-design.js';
import { headNorms } from '../assembly/query-key-norms.js';
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

/**
 * GLM-4.5, 4.6 and Air (Team GLM 2025): Llama that turns half of each head, with biases of the inputs, norms of heads in
 * the large ones, and DeepSeek-V3's experts.
 */
export const glm4Moe: DecoderArchitecture = {
  modelTypes: ['glm4_moe'],
  defaults: {
    rms_norm_eps: 1e-5,
    partial_rotary_factor: 0.5,
    attention_bias: false,
    first_k_dense_replace: 1,
    moe_intermediate_size: 1408,
    n_group: 1,
    n_routed_experts: 128,
    n_shared_experts: 1,
    norm_topk_prob: true,
    num_experts_per_tok: 8,
    routed_scaling_factor: 1,
    topk_group: 1,
  },
  fieldNames: { n_routed_experts: 'num_local_experts' },
  sizes: decoderSizes,
  design(source) {
    const { config } = source;
    const isNormed = config.flag('use_qk_norm', false);
    return llamaDesign(source, {
      attentionBiases: inputBiases(source),
      attention: layer => ({ norms: isNormed ? headNorms(layer) : undefined }),
      feedForward: balancedExperts(source),
    });
  },
};

function inputBiases({ config }: DecoderSource): 'inputs' | 'none' {
  return config.flag('attention_bias') ? 'inputs' : 'none';
}

function glmDifferences(source: DecoderSource): LlamaDifferences {
  return {
    interleaved: true,
    attentionBiases: inputBiases(source),
    feedForward: (layer, x) => fusedMlp(layer, x),
  };
}
