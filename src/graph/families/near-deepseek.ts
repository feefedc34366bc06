import type { DecoderArchitecture, DecoderLayer } from '../assembly/decoder-design.js';
import { withOwnRope, type DecoderSource } from '../assembly/decoder-source.js';
import { balancedExperts, expertGroups, sharedAndRoutedExperts } from '../assembly/deepseek-experts.js';
import { latentAttention, latentDecoderSizes } from '../assembly/latent-attention.js';
import { gatedMlps, llamaDesign } from '../assembly/llama-design.js';
import { ropeSection } from '../assembly/rope.js';
import { scale } from '../blocks/scale.js';
import { LATENT_DEFAULTS } from './deepseek.js';
import { growingQueries } from './mistral.js';

/** Of Mistral 4's configuration class, where config.json has none. */
const MISTRAL_ROPE = {
  rope_type: 'yarn',
  rope_theta: 10_000,
  factor: 128,
  original_max_position_embeddings: 8192,
  beta_fast: 32,
  beta_slow: 1,
  mscale: 1,
  mscale_all_dim: 1,
  llama_4_scaling_beta: 0.1,
};

/** Families with DeepSeek's latent attention that differ from it, or from Llama, in a row or two. */
export const NEAR_DEEPSEEK: readonly DecoderArchitecture[] = [
  /** Youtu-LLM (Tencent 2026): Llama with that attention. */
  {
    modelTypes: ['youtu'],
    defaults: { ...LATENT_DEFAULTS, rope_interleave: true },
    sizes: latentDecoderSizes,
    design: source =>
      llamaDesign(source, { attend: latentAttention(source, { interleaved: isInterleaved(source) }) }),
  },
  /** GLM-4.7-Flash (Zhipu AI 2026): DeepSeek-V3 with a list of the layers that have experts. */
  {
    modelTypes: ['glm4_moe_lite'],
    defaults: {
      ...LATENT_DEFAULTS,
      q_lora_rank: 768,
      qk_nope_head_dim: 192,
      v_head_dim: 256,
      moe_intermediate_size: 1536,
      n_group: 1,
      n_routed_experts: 64,
      n_shared_experts: 1,
      norm_topk_prob: true,
      num_experts_per_tok: 4,
      rms_norm_eps: 1e-5,
      rope_interleave: true,
      routed_scaling_factor: 1.8,
      topk_group: 1,
    },
    fieldNames: { n_routed_experts: 'num_local_experts', qk_rope_head_dim: 'head_dim' },
    sizes: latentDecoderSizes,
    design(source) {
      return llamaDesign(source, {
        attend: latentAttention(source, { interleaved: isInterleaved(source) }),
        feedForward: balancedExperts(source, { isSparse: sparseByList(source) }),
      });
    },
  },
  /** MiniCPM3 (OpenBMB 2024): Llama with that attention, and factors of embeddings, layer outputs and logits. */
  {
    modelTypes: ['minicpm3'],
    defaults: {
      kv_lora_rank: 256,
      q_lora_rank: 768,
      qk_nope_head_dim: 64,
      qk_rope_head_dim: 32,
      rms_norm_eps: 1e-5,
      scale_emb: 12,
      scale_depth: 1.4,
      dim_model_base: 256,
    },
    sizes(config) {
      const width = config.size('hidden_size') / config.size('num_attention_heads');
      return latentDecoderSizes(config.withDefaults({ v_head_dim: width }));
    },
    design(given) {
      const { graph, sizes } = given;
      const { hiddenSize, heads, layers } = sizes;
      const config = given.config.withDefaults({ v_head_dim: hiddenSize / heads });
      const source = { ...given, config };
      return llamaDesign(source, {
        afterEmbedding: x => scale(graph, 'embedded.scaled', x, config.positive('scale_emb', 12)),
        attend: latentAttention(source, { interleaved: false }),
        feedForward: gatedMlps(source, 'mlp_bias'),
        updateFactor: config.has('scale_depth') ? config.positive('scale_depth') / Math.sqrt(layers) : 1,
        logitsFactor: config.size('dim_model_base', hiddenSize) / hiddenSize,
      });
    },
  },
  /** Mistral Small 4 (Mistral AI 2026): DeepSeek-V3 with the scores of V2, and queries that grow beyond the original context. */
  {
    modelTypes: ['mistral4'],
    defaults: {
      ...LATENT_DEFAULTS,
      kv_lora_rank: 256,
      q_lora_rank: 1024,
      qk_nope_head_dim: 64,
      first_k_dense_replace: 0,
      moe_intermediate_size: 2048,
      n_group: 1,
      n_routed_experts: 128,
      n_shared_experts: 1,
      norm_topk_prob: true,
      num_experts_per_tok: 4,
      rope_interleave: true,
      routed_scaling_factor: 1,
      topk_group: 1,
    },
    fieldNames: { n_routed_experts: 'num_local_experts' },
    sizes: latentDecoderSizes,
    design(given) {
      const source = withOwnRope(given, MISTRAL_ROPE);
      const { config } = source;
      const groups = expertGroups(config, 2);
      return llamaDesign(source, {
        attend: latentAttention(source, {
          interleaved: isInterleaved(source),
          ...(namesShare(source) && {
            rotaryWidth: config.size('qk_nope_head_dim') + config.size('qk_rope_head_dim'),
          }),
          queryFactor: growingQueries(source),
        }),
        feedForward: sharedAndRoutedExperts(source, {
          routing: groups && (() => ({ score: 'softmax', groups })),
          normalized: config.flag('norm_topk_prob', false),
          isStacked: true,
        }),
      });
    },
  },
];

function isInterleaved({ config }: DecoderSource): boolean {
  return config.flag('rope_interleave', false);
}

/** True if the share of a head that turns is named. */
function namesShare({ config }: DecoderSource): boolean {
  const name = 'partial_rotary_factor';
  return config.has(name) || ropeSection(config)?.has(name) === true;
}

/** Layers by `mlp_layer_types`; by default all but the first have experts. */
function sparseByList({ config, sizes: { layers } }: DecoderSource): (layer: DecoderLayer) => boolean {
  const name = 'mlp_layer_types';
  if (!config.has(name)) return ({ index }) => index > 0;
  const types = config.strings(name);
  if (types.length !== layers) config.invalid(`${name} has ${types.length} entries for ${layers} layers`);
  const other = types.find(type => type !== 'dense' && type !== 'sparse');
  if (other !== undefined) config.unsupported(`${name} has '${other}'; known: dense, sparse`);
  return ({ index }) => types[index] === 'sparse';
}
