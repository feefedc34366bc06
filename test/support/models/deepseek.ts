import { ReferenceModel } from '#test/reference/decoder.js';
import { latentAttention } from '#test/reference/latent-attention.js';
import { add, scale, sigmoid, silu, softmax, type Vector } from '#test/reference/operations.js';
import { plainRope, rotate, rotateNeighbours, yarnRope, type Rope } from '#test/reference/rope.js';
import type { Shapes } from '#test/support/random-tensors.js';
import type { TestTensors } from '#test/support/safetensors.js';
import { caseModel, decoderShapes, gatedShapes, SIZES, type CaseModel } from './model.js';

/** CUDA's kernels for quantized experts take rows of whole blocks of 64. */
const BASE = {
  ...SIZES,
  hidden_size: 64,
  num_hidden_layers: 2,
  num_attention_heads: 4,
  num_key_value_heads: 4,
  // Much larger than that of the latents' norms, so that it is felt where one stands for the other.
  rms_norm_eps: 0.05,
  kv_lora_rank: 40,
  qk_nope_head_dim: 12,
  qk_rope_head_dim: 20,
  v_head_dim: 14,
  moe_intermediate_size: 64,
  n_routed_experts: 8,
  num_experts_per_tok: 3,
  first_k_dense_replace: 1,
} as const;

const deepseekV2 = {
  ...BASE,
  model_type: 'deepseek_v2',
  q_lora_rank: null,
  n_shared_experts: 2,
  topk_method: 'group_limited_greedy',
  n_group: 4,
  topk_group: 2,
  routed_scaling_factor: 3,
  rope_scaling: {
    type: 'yarn',
    factor: 4,
    original_max_position_embeddings: 8,
    mscale: 0.5,
    mscale_all_dim: 0.7,
  },
} as const;

const deepseekV3 = {
  ...BASE,
  model_type: 'deepseek_v3',
  q_lora_rank: 24,
  n_shared_experts: 1,
  n_group: 2,
  topk_group: 1,
  norm_topk_prob: true,
  rope_interleave: false,
  routed_scaling_factor: 2.5,
} as const;

type Config = typeof deepseekV2 | typeof deepseekV3;

/** What chooses experts, and what weighs those that are chosen. */
interface Scores {
  readonly choice: Vector;
  readonly weights: Vector;
}

/** Indices of the largest. */
function largest(values: Vector, count: number): number[] {
  const order = values.map((_, i) => i).sort((a, b) => values[b]! - values[a]!);
  return order.slice(0, count);
}

/** Experts of the groups whose `counted` best are worth most. */
function chosen(config: Config, { choice }: Scores, counted: number): number[] {
  const {
    n_routed_experts: experts,
    n_group: groups,
    topk_group: taken,
    num_experts_per_tok: count,
  } = config;
  const size = experts / groups;
  const worth = Array.from({ length: groups }, (_, g) => {
    const members = choice.slice(g * size, (g + 1) * size);
    return largest(members, counted).reduce((sum, i) => sum + members[i]!, 0);
  });
  const allowed = largest(worth, taken);
  return largest(
    choice.map((value, e) => (allowed.includes(Math.floor(e / size)) ? value : -Infinity)),
    count,
  );
}

/** DeepSeek-V2 and V3 by their papers (arXiv:2405.04434, arXiv:2412.19437). */
function deepseekStates(config: Config, tensors: TestTensors, ids: readonly number[]): number[][] {
  const model = new ReferenceModel(config, tensors);
  const isV2 = config.model_type === 'deepseek_v2';
  const { qk_rope_head_dim: turned, qk_nope_head_dim: still } = config;
  // YaRN stretches the turned parts by one magnitude over the other, and scores by the square of the other.
  const magnitude = (sharpness: number): number => 0.1 * sharpness * Math.log(4) + 1;
  const rope: Rope = isV2
    ? { ...yarnRope(turned, SIZES.rope_theta, 4, 8), magnitude: magnitude(0.5) / magnitude(0.7) }
    : plainRope(turned, SIZES.rope_theta);
  const turn = isV2 ? rotateNeighbours : rotate;
  const factor = (isV2 ? magnitude(0.7) ** 2 : 1) / Math.sqrt(still + turned);
  return model.states(ids, (states, layer) => {
    const name = `model.layers.${layer}`;
    const scoresOf = (x: Vector): Scores => {
      const logits = model.linear(x, `${name}.mlp.gate`);
      if (isV2) return { choice: softmax(logits), weights: softmax(logits) };
      const weights = logits.map(sigmoid);
      return {
        choice: add(weights, model.tensor(`${name}.mlp.gate.e_score_correction_bias`).values),
        weights,
      };
    };
    const sparse = (x: Vector): number[] => {
      const scores = scoresOf(x);
      const experts = chosen(config, scores, isV2 ? 1 : 2);
      const sum = isV2 ? 1 : experts.reduce((total, e) => total + scores.weights[e]!, 0);
      return experts.reduce(
        (total, e) =>
          add(
            total,
            scale(
              model.gated(x, `${name}.mlp.experts.${e}`, silu),
              (config.routed_scaling_factor * scores.weights[e]!) / sum,
            ),
          ),
        model.gated(x, `${name}.mlp.shared_experts`, silu),
      );
    };
    return model.preNorm(
      states,
      layer,
      normed =>
        latentAttention(
          model,
          config,
          normed,
          `${name}.self_attn`,
          (part, position) => turn(part, position, rope),
          factor,
        ),
      x => (layer === 0 ? model.gated(x, `${name}.mlp`, silu) : sparse(x)),
    );
  });
}

function layerShapes(config: Config, layer: number): Shapes {
  const {
    hidden_size: hidden,
    num_attention_heads: heads,
    kv_lora_rank: rank,
    q_lora_rank: queryRank,
  } = config;
  const { qk_nope_head_dim: still, qk_rope_head_dim: turned, v_head_dim: value } = config;
  const { moe_intermediate_size: inner, n_routed_experts: experts } = config;
  const queries = heads * (still + turned);
  return {
    ...(queryRank === null
      ? { 'self_attn.q_proj.weight': [queries, hidden] }
      : {
          'self_attn.q_a_proj.weight': [queryRank, hidden],
          'self_attn.q_a_layernorm.weight': [queryRank],
          'self_attn.q_b_proj.weight': [queries, queryRank],
        }),
    'self_attn.kv_a_proj_with_mqa.weight': [rank + turned, hidden],
    'self_attn.kv_a_layernorm.weight': [rank],
    'self_attn.kv_b_proj.weight': [heads * (still + value), rank],
    'self_attn.o_proj.weight': [hidden, heads * value],
    ...(layer === 0
      ? gatedShapes('mlp', hidden, config.intermediate_size)
      : {
          'mlp.gate.weight': [experts, hidden],
          ...(config.model_type === 'deepseek_v3' && { 'mlp.gate.e_score_correction_bias': [experts] }),
          ...Object.fromEntries(
            Array.from({ length: experts }, (_, e) =>
              Object.entries(gatedShapes(`mlp.experts.${e}`, hidden, inner)),
            ).flat(),
          ),
          ...gatedShapes('mlp.shared_experts', hidden, config.n_shared_experts * inner),
        }),
  };
}

export const DEEPSEEK_MODELS: readonly CaseModel[] = [
  caseModel(
    'deepseek_v2, YaRN, experts within groups',
    deepseekV2,
    decoderShapes(deepseekV2, false, layer => layerShapes(deepseekV2, layer)),
    deepseekStates,
  ),
  caseModel(
    'deepseek_v3, a bottleneck of queries, experts by a bias',
    deepseekV3,
    decoderShapes(deepseekV3, false, layer => layerShapes(deepseekV3, layer)),
    deepseekStates,
  ),
];
