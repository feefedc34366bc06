import type { DecoderArchitecture } from '../assembly/decoder-design.js';
import { balancedExperts, expertGroups, sharedAndRoutedExperts } from '../assembly/deepseek-experts.js';
import { latentAttention, latentDecoderSizes } from '../assembly/latent-attention.js';
import { llamaDesign } from '../assembly/llama-design.js';

/** Of both configuration classes. */
export const LATENT_DEFAULTS = {
  kv_lora_rank: 512,
  q_lora_rank: 1536,
  qk_nope_head_dim: 128,
  qk_rope_head_dim: 64,
  v_head_dim: 128,
};

/**
 * DeepSeek-V2, V2-Lite and Coder-V2 (DeepSeek-AI 2024): latent attention, and experts beside such that all tokens go
 * through, in all layers but the first.
 */
export const deepseekV2: DecoderArchitecture = {
  modelTypes: ['deepseek_v2'],
  defaults: {
    ...LATENT_DEFAULTS,
    first_k_dense_replace: 0,
    moe_intermediate_size: 1407,
    n_routed_experts: 64,
    n_shared_experts: 2,
    routed_scaling_factor: 1,
    topk_method: 'greedy',
  },
  fieldNames: { n_routed_experts: 'num_experts' },
  sizes: latentDecoderSizes,
  design(source) {
    const { config } = source;
    const method = config.choice('topk_method', ['greedy', 'group_limited_greedy']);
    const groups = method === 'greedy' ? undefined : expertGroups(config, 1);
    const routing = groups && (() => ({ score: 'softmax', groups }) as const);
    return llamaDesign(source, {
      attend: latentAttention(source, { interleaved: true }),
      feedForward: sharedAndRoutedExperts(source, { routing, normalized: false, biasField: 'mlp_bias' }),
    });
  },
};

/**
 * DeepSeek-V3 and R1 (DeepSeek-AI 2024) and Kimi K2 (Moonshot AI 2025): DeepSeek-V2 whose experts' scores are sigmoids,
 * with a bias that balances their load.
 */
export const deepseekV3: DecoderArchitecture = {
  modelTypes: ['deepseek_v3', 'kimi_k2'],
  defaults: {
    ...LATENT_DEFAULTS,
    first_k_dense_replace: 3,
    moe_intermediate_size: 2048,
    n_group: 8,
    n_routed_experts: 256,
    n_shared_experts: 1,
    norm_topk_prob: true,
    num_experts_per_tok: 8,
    rope_interleave: true,
    routed_scaling_factor: 2.5,
    topk_group: 4,
  },
  fieldNames: { n_routed_experts: 'num_local_experts' },
  sizes: latentDecoderSizes,
  design(source) {
    const { config } = source;
    return llamaDesign(source, {
      attend: latentAttention(source, { interleaved: config.flag('rope_interleave', false) }),
      feedForward: balancedExperts(source),
    });
  },
};
