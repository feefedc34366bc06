import { ReferenceModel, type DecoderConfig } from '#test/reference/decoder.js';
import {
  add,
  multiply,
  rmsNorm,
  row,
  scale,
  sigmoid,
  silu,
  softmax,
  type Vector,
} from '#test/reference/operations.js';
import { plainRope, rotate, yarnRope } from '#test/reference/rope.js';
import type { Shapes } from '#test/support/random-tensors.js';
import type { TestTensors } from '#test/support/safetensors.js';
import {
  attentionShapes,
  caseModel,
  decoderShapes,
  gatedShapes,
  headNormShapes,
  SIZES,
  type CaseModel,
} from './model.js';

/** CUDA's kernels for quantized experts take rows of whole blocks of 64. */
const BASE = {
  ...SIZES,
  hidden_size: 128,
  intermediate_size: 192,
  num_attention_heads: 16,
  num_key_value_heads: 8,
  hidden_act: 'silu',
  tie_word_embeddings: false,
} as const;
const { hidden_size: hidden } = BASE;

/** `Σ p_e expert_e(x)` over the `count` most probable experts (Shazeer et al. 2017). */
export function mixture(
  scores: Vector,
  count: number,
  isNormalized: boolean,
  expert: (index: number) => number[],
): number[] {
  const probabilities = softmax(scores);
  const chosen = scores.map((_, e) => e).sort((a, b) => probabilities[b]! - probabilities[a]!);
  const best = chosen.slice(0, count);
  const sum = isNormalized ? best.reduce((total, e) => total + probabilities[e]!, 0) : 1;
  return best
    .map(e => scale(expert(e), probabilities[e]! / sum))
    .reduce((total, output) => add(total, output));
}

const mixtral = {
  ...BASE,
  model_type: 'mixtral',
  num_local_experts: 4,
  num_experts_per_tok: 2,
  sliding_window: 6,
} as const;

function mixtralStates(config: DecoderConfig, tensors: TestTensors, ids: readonly number[]): number[][] {
  const model = new ReferenceModel(config, tensors);
  const rope = plainRope(8, SIZES.rope_theta);
  return model.states(ids, (states, layer) => {
    const name = `model.layers.${layer}.block_sparse_moe`;
    return model.preNorm(
      states,
      layer,
      normed =>
        model.attention(normed, layer, {
          turn: (head, position) => rotate(head, position, rope),
          window: 6,
        }),
      x =>
        mixture(model.linear(x, `${name}.gate`), 2, true, e => {
          const expert = `${name}.experts.${e}`;
          const inner = multiply(model.linear(x, `${expert}.w1`).map(silu), model.linear(x, `${expert}.w3`));
          return model.linear(inner, `${expert}.w2`);
        }),
    );
  });
}

const gptOss = {
  ...BASE,
  model_type: 'gpt_oss',
  hidden_size: 64,
  intermediate_size: 32,
  num_hidden_layers: 2,
  num_attention_heads: 6,
  num_key_value_heads: 3,
  head_dim: 8,
  num_local_experts: 4,
  num_experts_per_tok: 2,
  sliding_window: 6,
  layer_types: ['full_attention', 'sliding_attention'],
  swiglu_alpha: 1.5,
  swiglu_limit: 0.8,
  rope_scaling: { rope_type: 'yarn', factor: 3, truncate: false, original_max_position_embeddings: 8 },
} as const;

/** gpt-oss (OpenAI 2025), by the code that was published with it. */
function gptOssStates(config: typeof gptOss, tensors: TestTensors, ids: readonly number[]): number[][] {
  const model = new ReferenceModel(config, tensors);
  const rope = yarnRope(8, SIZES.rope_theta, 3, 8, false);
  return model.states(ids, (states, layer) => {
    const name = `model.layers.${layer}`;
    /** `x W + b` of an expert, whose matrix is stored `[inputs, outputs]`. */
    const project = (x: Vector, weight: string, expert: number): number[] => {
      const { shape, values } = model.tensor(`${name}.mlp.experts.${weight}`);
      const [, inputs, outputs] = shape as [number, number, number];
      const bias = row(model.tensor(`${name}.mlp.experts.${weight}_bias`), expert);
      return bias.map((value, out) =>
        x.reduce((sum, xi, i) => sum + xi * values[(expert * inputs + i) * outputs + out]!, value),
      );
    };
    const expert = (x: Vector, e: number): number[] => {
      const both = project(x, 'gate_up_proj', e);
      const inner = Array.from({ length: config.intermediate_size }, (_, i) => {
        const gate = Math.min(both[2 * i]!, config.swiglu_limit);
        const up = Math.min(Math.max(both[2 * i + 1]!, -config.swiglu_limit), config.swiglu_limit);
        return (up + 1) * gate * sigmoid(config.swiglu_alpha * gate);
      });
      return project(inner, 'down_proj', e);
    };
    return model.preNorm(
      states,
      layer,
      normed =>
        model.attention(normed, layer, {
          turn: (head, position) => rotate(head, position, rope),
          window: layer === 1 ? 6 : Infinity,
          sinks: model.tensor(`${name}.self_attn.sinks`).values,
        }),
      x => mixture(model.linear(x, `${name}.mlp.router`), 2, true, e => expert(x, e)),
    );
  });
}

/** Shapes of all experts. */
function eachExpert(count: number, shapes: (expert: number) => Shapes): Shapes {
  return Object.fromEntries(
    Array.from({ length: count }, (_, expert) => Object.entries(shapes(expert))).flat(),
  );
}

const qwen2Moe = {
  ...BASE,
  model_type: 'qwen2_moe',
  num_experts: 4,
  num_experts_per_tok: 2,
  norm_topk_prob: false,
  moe_intermediate_size: 64,
  shared_expert_intermediate_size: 56,
  mlp_only_layers: [1],
} as const;

const qwen3Moe = {
  ...BASE,
  model_type: 'qwen3_moe',
  head_dim: 16,
  num_experts: 5,
  num_experts_per_tok: 3,
  norm_topk_prob: true,
  moe_intermediate_size: 64,
  decoder_sparse_step: 2,
} as const;

function qwenMoeStates(
  config: DecoderConfig & { model_type: string; num_experts_per_tok: number; norm_topk_prob: boolean },
  tensors: TestTensors,
  ids: readonly number[],
  isDense: (layer: number) => boolean,
): number[][] {
  const model = new ReferenceModel(config, tensors);
  const rope = plainRope(model.headSize, SIZES.rope_theta);
  const isQwen3 = config.model_type === 'qwen3_moe';
  return model.states(ids, (states, layer) => {
    const name = `model.layers.${layer}`;
    const sparse = (x: Vector): number[] => {
      const scores = model.linear(x, `${name}.mlp.gate`);
      const routed = mixture(scores, config.num_experts_per_tok, config.norm_topk_prob, e =>
        model.gated(x, `${name}.mlp.experts.${e}`, silu),
      );
      if (isQwen3) return routed;
      const [share] = model.linear(x, `${name}.mlp.shared_expert_gate`) as [number];
      return add(routed, scale(model.gated(x, `${name}.mlp.shared_expert`, silu), sigmoid(share)));
    };
    return model.preNorm(
      states,
      layer,
      normed =>
        model.attention(normed, layer, {
          turn: (head, position) => rotate(head, position, rope),
          ...(isQwen3 && {
            norm: (side: 'query' | 'key', head: number[]) => {
              const weight = model.tensor(`${name}.self_attn.${side[0]}_norm.weight`);
              return rmsNorm(head, weight.values, config.rms_norm_eps);
            },
          }),
        }),
      x => (isDense(layer) ? model.gated(x, `${name}.mlp`, silu) : sparse(x)),
    );
  });
}

export const EXPERT_MODELS: readonly CaseModel[] = [
  caseModel(
    'gpt_oss',
    gptOss,
    decoderShapes(gptOss, false, () => ({
      ...attentionShapes(gptOss, 4),
      'self_attn.sinks': [6],
      'mlp.router.weight': [4, 64],
      'mlp.router.bias': [4],
      'mlp.experts.gate_up_proj': [4, 64, 64],
      'mlp.experts.gate_up_proj_bias': [4, 64],
      'mlp.experts.down_proj': [4, 32, 64],
      'mlp.experts.down_proj_bias': [4, 64],
    })),
    gptOssStates,
  ),
  caseModel(
    'mixtral',
    mixtral,
    decoderShapes(mixtral, false, () => ({
      ...attentionShapes(mixtral),
      'block_sparse_moe.gate.weight': [4, hidden],
      ...eachExpert(4, e => ({
        [`block_sparse_moe.experts.${e}.w1.weight`]: [mixtral.intermediate_size, hidden],
        [`block_sparse_moe.experts.${e}.w2.weight`]: [hidden, mixtral.intermediate_size],
        [`block_sparse_moe.experts.${e}.w3.weight`]: [mixtral.intermediate_size, hidden],
      })),
    })),
    mixtralStates,
  ),
  caseModel(
    'qwen2_moe, shared expert, weights not normalised, one dense layer',
    qwen2Moe,
    decoderShapes(qwen2Moe, false, layer => ({
      ...attentionShapes(qwen2Moe, 3),
      ...(layer === 1
        ? gatedShapes('mlp', hidden, qwen2Moe.intermediate_size)
        : {
            'mlp.gate.weight': [4, hidden],
            ...eachExpert(4, e => gatedShapes(`mlp.experts.${e}`, hidden, 64)),
            ...gatedShapes('mlp.shared_expert', hidden, 56),
            'mlp.shared_expert_gate.weight': [1, hidden],
          }),
    })),
    (config, tensors, ids) => qwenMoeStates(config, tensors, ids, layer => layer === 1),
  ),
  caseModel(
    'qwen3_moe, every other layer dense',
    qwen3Moe,
    decoderShapes(qwen3Moe, false, layer => ({
      ...attentionShapes(qwen3Moe),
      ...headNormShapes(16),
      ...(layer % 2 === 0
        ? gatedShapes('mlp', hidden, qwen3Moe.intermediate_size)
        : {
            'mlp.gate.weight': [5, hidden],
            ...eachExpert(5, e => gatedShapes(`mlp.experts.${e}`, hidden, 64)),
          }),
    })),
    (config, tensors, ids) => qwenMoeStates(config, tensors, ids, layer => layer % 2 === 0),
  ),
];
