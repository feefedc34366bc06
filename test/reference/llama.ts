import type { TestTensors } from '#test/support/safetensors.js';
import { logitsOf, ReferenceModel } from './decoder.js';
import { silu } from './operations.js';
import { plainRope, rotate, type Rope } from './rope.js';

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
  readonly is_causal?: boolean;
};

/** Logits of every position of a sequence. */
export function llamaLogits(
  config: LlamaConfig,
  tensors: TestTensors,
  ids: readonly number[],
  rope?: Rope,
): number[][] {
  return logitsOf(llamaStates(config, tensors, ids, rope), tensors);
}

/**
 * Hidden states of every position of a sequence: Llama (Touvron et al. 2023, section 2.2) by its formulas.
 */
export function llamaStates(
  config: LlamaConfig,
  tensors: TestTensors,
  ids: readonly number[],
  rope?: Rope,
): number[][] {
  const model = new ReferenceModel(config, tensors);
  const turned = rope ?? plainRope(model.headSize, config.rope_theta);
  return model.states(ids, (states, layer) =>
    model.preNorm(
      states,
      layer,
      normed => model.attention(normed, layer, { turn: (head, position) => rotate(head, position, turned) }),
      x => model.gated(x, `model.layers.${layer}.mlp`, silu),
    ),
  );
}
