import { selfAttention } from '#test/reference/self-attention.js';
import { ReferenceModel, type DecoderConfig } from '#test/reference/decoder.js';
import { multiply, silu } from '#test/reference/operations.js';
import { longRope, plainRope, rotate, type Rope } from '#test/reference/rope.js';
import type { TestTensors } from '#test/support/safetensors.js';
import { caseModel, decoderShapes, directionOf, SIZES, type CaseModel } from './model.js';

type Config = DecoderConfig & { readonly head_dim: number; readonly intermediate_size: number };

const BASE = { ...SIZES, model_type: 'phi3', hidden_act: 'silu', tie_word_embeddings: false } as const;

function phi3States(
  config: Config,
  tensors: TestTensors,
  ids: readonly number[],
  rope: Rope,
  window?: number,
): number[][] {
  const model = new ReferenceModel(config, tensors);
  const { num_attention_heads: heads, num_key_value_heads: kvHeads, intermediate_size: inner } = config;
  const headSize = model.headSize;
  const [queries, keys] = [heads * headSize, kvHeads * headSize];
  return model.states(ids, (states, layer) => {
    const prefix = `model.layers.${layer}`;
    return model.preNorm(
      states,
      layer,
      normed =>
        selfAttention(normed, {
          ...directionOf(config),
          heads,
          kvHeads,
          headSize,
          window,
          project: (side, x) => {
            const all = model.linear(x, `${prefix}.self_attn.qkv_proj`);
            if (side === 'query') return all.slice(0, queries);
            return side === 'key' ? all.slice(queries, queries + keys) : all.slice(queries + keys);
          },
          output: x => model.linear(x, `${prefix}.self_attn.o_proj`),
          turn: (head, position) => rotate(head, position, rope),
        }),
      x => {
        const both = model.linear(x, `${prefix}.mlp.gate_up_proj`);
        const gated = multiply(both.slice(0, inner).map(silu), both.slice(inner));
        return model.linear(gated, `${prefix}.mlp.down_proj`);
      },
    );
  });
}

function phi3(
  name: string,
  changes: Readonly<Record<string, unknown>>,
  rope: Rope,
  window?: number,
): CaseModel {
  const config = { ...BASE, ...changes } as typeof BASE & Config;
  const { hidden_size: hidden, num_attention_heads: heads, num_key_value_heads: kvHeads } = config;
  const headSize = config.head_dim ?? hidden / heads;
  const shapes = decoderShapes(config, false, () => ({
    'self_attn.qkv_proj.weight': [(heads + 2 * kvHeads) * headSize, hidden],
    'self_attn.o_proj.weight': [hidden, heads * headSize],
    'mlp.gate_up_proj.weight': [2 * config.intermediate_size, hidden],
    'mlp.down_proj.weight': [hidden, config.intermediate_size],
  }));
  return caseModel(name, config, shapes, (fields, tensors, ids) =>
    phi3States(fields, tensors, ids, rope, window),
  );
}

/** Divisors for short and for long sequences. */
export const SHORT_FACTORS = [1, 1.1, 1.2, 1.4];
export const LONG_FACTORS = [1, 1.5, 2, 3];
const longrope = {
  rope_scaling: { type: 'longrope', short_factor: SHORT_FACTORS, long_factor: LONG_FACTORS },
  original_max_position_embeddings: 8,
};

export const PHI3 = phi3('phi3', {}, plainRope(8, 100), undefined);

/** Sequences longer than the first context are turned by the long factors from their beginning on. */
export const PHI3_LONG = phi3('phi3, longrope', longrope, longRope(8, 100, LONG_FACTORS, 20 / 8, 8));

/** The same model where no sequence is longer than that. */
export const PHI3_SHORT = phi3(
  'phi3, longrope within 8',
  longrope,
  longRope(8, 100, SHORT_FACTORS, 20 / 8, 8),
);

/** The first half of a head is turned, and the head must be padded. */
export const PHI3_PARTIAL = phi3(
  'phi3, half of a head turned, with a window',
  {
    head_dim: 32,
    num_attention_heads: 2,
    num_key_value_heads: 1,
    partial_rotary_factor: 0.5,
    sliding_window: 6,
  },
  plainRope(16, 100),
  6,
);
