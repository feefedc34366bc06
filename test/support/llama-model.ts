import type { LlamaConfig } from '#test/reference/llama.js';
import type { Shapes } from './random-tensors.js';

/** A Llama's config.json, as far as it is read. */
export type LlamaModelConfig = LlamaConfig & {
  readonly model_type: string;
  readonly hidden_act: string;
  readonly intermediate_size: number;
  readonly vocab_size: number;
  readonly max_position_embeddings: number;
  readonly attention_bias: boolean;
  readonly mlp_bias: boolean;
};

/** A tiny one with grouped-query attention and heads that the graph must pad. */
export const LLAMA: LlamaModelConfig = {
  model_type: 'llama',
  hidden_act: 'silu',
  hidden_size: 48,
  intermediate_size: 80,
  num_hidden_layers: 2,
  num_attention_heads: 6,
  num_key_value_heads: 3,
  vocab_size: 61,
  max_position_embeddings: 19,
  rms_norm_eps: 1e-5,
  rope_theta: 100,
  tie_word_embeddings: true,
  attention_bias: false,
  mlp_bias: false,
};

/** Names and shapes of a Llama's weights. */
export function llamaShapes(config: LlamaModelConfig): Shapes {
  const { hidden_size: hidden, intermediate_size: inner, num_attention_heads: heads } = config;
  const headSize = config.head_dim ?? hidden / heads;
  const [queries, keys] = [heads * headSize, config.num_key_value_heads * headSize];
  const result: Record<string, readonly number[]> = {
    'model.embed_tokens.weight': [config.vocab_size, hidden],
    'model.norm.weight': [hidden],
  };
  if (!config.tie_word_embeddings) result['lm_head.weight'] = [config.vocab_size, hidden];
  for (let layer = 0; layer < config.num_hidden_layers; layer++) {
    const projection = (name: string, rows: number, columns: number, bias: boolean): void => {
      result[`model.layers.${layer}.${name}.weight`] = [rows, columns];
      if (bias) result[`model.layers.${layer}.${name}.bias`] = [rows];
    };
    result[`model.layers.${layer}.input_layernorm.weight`] = [hidden];
    result[`model.layers.${layer}.post_attention_layernorm.weight`] = [hidden];
    projection('self_attn.q_proj', queries, hidden, config.attention_bias);
    projection('self_attn.k_proj', keys, hidden, config.attention_bias);
    projection('self_attn.v_proj', keys, hidden, config.attention_bias);
    projection('self_attn.o_proj', hidden, queries, config.attention_bias);
    projection('mlp.gate_proj', inner, hidden, config.mlp_bias);
    projection('mlp.up_proj', inner, hidden, config.mlp_bias);
    projection('mlp.down_proj', hidden, inner, config.mlp_bias);
  }
  return result;
}
