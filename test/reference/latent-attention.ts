import { head } from './attention.js';
import type { ReferenceModel } from './decoder.js';
import { add, dot, rmsNorm, scale, softmax, type Vector } from './operations.js';

/** The fields of config.json that multi-head latent attention depends on. */
export interface LatentConfig {
  readonly num_attention_heads: number;
  readonly q_lora_rank: number | null;
  readonly kv_lora_rank: number;
  readonly qk_nope_head_dim: number;
  readonly qk_rope_head_dim: number;
  readonly v_head_dim: number;
  readonly is_causal?: boolean;
}

/**
 * Multi-head latent attention (DeepSeek-V2, DeepSeek-AI 2024, equations 9 to 13 and 37 to 47): of each token a latent is
 * kept, of which every head's key and value are made, and a part of keys that turns, which all heads share.
 *
 * @param turn rotary positions of what turns.
 * @param factor of scores.
 * @param queryFactor of a position's queries.
 */
export function latentAttention(
  model: ReferenceModel,
  config: LatentConfig,
  states: readonly Vector[],
  name: string,
  turn: (part: number[], position: number) => number[],
  factor: number,
  queryFactor: (position: number) => number = () => 1,
): number[][] {
  const { num_attention_heads: heads, kv_lora_rank: rank, v_head_dim: valueSize } = config;
  const { qk_nope_head_dim: still, qk_rope_head_dim: turned } = config;
  // Of DeepSeek's own code, whatever rms_norm_eps is.
  const norm = (x: Vector, of: string): number[] =>
    rmsNorm(x, model.tensor(`${name}.${of}.weight`).values, 1e-6);
  const queries = states.map((x, position) => {
    const all =
      config.q_lora_rank === null
        ? model.linear(x, `${name}.q_proj`)
        : model.linear(norm(model.linear(x, `${name}.q_a_proj`), 'q_a_layernorm'), `${name}.q_b_proj`);
    return Array.from({ length: heads }, (_, h) => {
      const query = head(all, h, still + turned);
      const whole = [...query.slice(0, still), ...turn(query.slice(still), position)];
      return scale(whole, queryFactor(position));
    });
  });
  const kept = states.map((x, position) => {
    const both = model.linear(x, `${name}.kv_a_proj_with_mqa`);
    const expanded = model.linear(norm(both.slice(0, rank), 'kv_a_layernorm'), `${name}.kv_b_proj`);
    const shared = turn(both.slice(rank), position);
    return Array.from({ length: heads }, (_, h) => {
      const own = head(expanded, h, still + valueSize);
      return { key: [...own.slice(0, still), ...shared], value: own.slice(still) };
    });
  });
  return queries.map((query, position) => {
    const visible = config.is_causal === false ? kept : kept.slice(0, position + 1);
    const attended = query.map((q, h) => {
      const probabilities = softmax(visible.map(at => dot(q, at[h]!.key) * factor));
      return visible.reduce<number[]>(
        (sum, at, i) => add(sum, scale(at[h]!.value, probabilities[i]!)),
        new Array<number>(valueSize).fill(0),
      );
    });
    return model.linear(attended.flat(), `${name}.o_proj`);
  });
}
