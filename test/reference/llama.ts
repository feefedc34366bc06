import type { TestTensors } from '../support/safetensors.js';
import { causalAttention, mapHeads, rotaryFrequencies, rotate } from './attention.js';
import { add, linear, multiply, rmsNorm, row, silu, type Vector } from './operations.js';

/** The fields of a Llama's config.json that its result depends on. */
export type LlamaConfig = {
  readonly num_hidden_layers: number;
  readonly hidden_size: number;
  readonly num_attention_heads: number;
  readonly num_key_value_heads: number;
  readonly head_dim?: number;
  readonly rms_norm_eps: number;
  readonly rope_theta: number;
  readonly tie_word_embeddings: boolean;
};

/** Logits of every position of a sequence: Llama (Touvron et al. 2023, section 2.2) by its formulas. */
export function llamaLogits(config: LlamaConfig, tensors: TestTensors, ids: readonly number[]): number[][] {
  const heads = config.num_attention_heads;
  const headSize = config.head_dim ?? config.hidden_size / heads;
  const shape = { heads, kvHeads: config.num_key_value_heads, headSize };
  const frequencies = rotaryFrequencies(headSize, config.rope_theta);
  const norm = (x: Vector, name: string): number[] =>
    rmsNorm(x, tensors[`${name}.weight`]!.values, config.rms_norm_eps);
  const project = (x: Vector, name: string): number[] =>
    linear(x, tensors[`${name}.weight`]!, tensors[`${name}.bias`]);

  const embedding = tensors['model.embed_tokens.weight']!;
  let states = ids.map(id => row(embedding, id));
  for (let layer = 0; layer < config.num_hidden_layers; layer++) {
    const prefix = `model.layers.${layer}`;
    const normed = states.map(x => norm(x, `${prefix}.input_layernorm`));
    const rotated = (name: string): number[][] =>
      normed.map((x, position) =>
        mapHeads(project(x, `${prefix}.self_attn.${name}`), headSize, h => rotate(h, position, frequencies)),
      );
    const values = normed.map(x => project(x, `${prefix}.self_attn.v_proj`));
    const attended = causalAttention(rotated('q_proj'), rotated('k_proj'), values, shape);
    states = states.map((x, i) => add(x, project(attended[i]!, `${prefix}.self_attn.o_proj`)));
    states = states.map(x => {
      const y = norm(x, `${prefix}.post_attention_layernorm`);
      const gate = project(y, `${prefix}.mlp.gate_proj`).map(silu);
      return add(x, project(multiply(gate, project(y, `${prefix}.mlp.up_proj`)), `${prefix}.mlp.down_proj`));
    });
  }
  const output = config.tie_word_embeddings ? embedding : tensors['lm_head.weight']!;
  return states.map(x => linear(norm(x, 'model.norm'), output));
}
