import { ReferenceModel, type DecoderConfig } from '#test/reference/decoder.js';
import { add, geluTanh, rmsNorm, type Vector } from '#test/reference/operations.js';
import { linearRope, plainRope, rotate } from '#test/reference/rope.js';
import type { TestTensors } from '#test/support/safetensors.js';
import {
  caseModel,
  decoderShapes,
  headNormShapes,
  llamaLayerShapes,
  SIZES,
  type CaseModel,
} from './model.js';

const BASE = { ...SIZES, head_dim: 24, num_attention_heads: 4, num_key_value_heads: 2 } as const;

const gemma = { ...BASE, model_type: 'gemma', hidden_act: 'gelu', tie_word_embeddings: true } as const;

function gemmaStates(config: DecoderConfig, tensors: TestTensors, ids: readonly number[]): number[][] {
  const model = new ReferenceModel(config, tensors);
  const rope = plainRope(24, SIZES.rope_theta);
  return model.states(
    ids,
    (states, layer) =>
      model.preNorm(
        states,
        layer,
        normed => model.attention(normed, layer, { turn: (head, position) => rotate(head, position, rope) }),
        x => model.gated(x, `model.layers.${layer}.mlp`, geluTanh),
        1,
      ),
    { offset: 1, embeddingScale: Math.sqrt(config.hidden_size) },
  );
}

/** The layer of Gemma 2 and 3: norms before and after each half. */
function sandwich(
  model: ReferenceModel,
  states: readonly Vector[],
  layer: number,
  attention: (states: readonly Vector[]) => number[][],
): number[][] {
  const norm = (x: Vector, name: string): number[] => model.norm(x, `model.layers.${layer}.${name}`, 1);
  const attended = attention(states.map(x => norm(x, 'input_layernorm')));
  return states.map((state, i) => {
    const x = add(state, norm(attended[i]!, 'post_attention_layernorm'));
    const inner = model.gated(norm(x, 'pre_feedforward_layernorm'), `model.layers.${layer}.mlp`, geluTanh);
    return add(x, norm(inner, 'post_feedforward_layernorm'));
  });
}

const gemma2 = {
  ...BASE,
  model_type: 'gemma2',
  hidden_activation: 'gelu_pytorch_tanh',
  query_pre_attn_scalar: 20,
  sliding_window: 5,
  attn_logit_softcapping: 2,
  final_logit_softcapping: 3,
  tie_word_embeddings: true,
} as const;

function gemma2States(config: DecoderConfig, tensors: TestTensors, ids: readonly number[]): number[][] {
  const model = new ReferenceModel(config, tensors);
  const rope = plainRope(24, SIZES.rope_theta);
  return model.states(
    ids,
    (states, layer) =>
      sandwich(model, states, layer, normed =>
        model.attention(normed, layer, {
          turn: (head, position) => rotate(head, position, rope),
          window: layer % 2 === 0 ? 5 : undefined,
          scale: 1 / Math.sqrt(20),
          cap: 2,
        }),
      ),
    { offset: 1, embeddingScale: Math.sqrt(config.hidden_size) },
  );
}

const gemma3 = {
  ...BASE,
  model_type: 'gemma3_text',
  hidden_activation: 'gelu_pytorch_tanh',
  query_pre_attn_scalar: 20,
  sliding_window: 5,
  sliding_window_pattern: 3,
  rope_theta: 1000,
  rope_scaling: { rope_type: 'linear', factor: 4 },
  rope_local_base_freq: 50,
  tie_word_embeddings: true,
} as const;

function gemma3States(config: DecoderConfig, tensors: TestTensors, ids: readonly number[]): number[][] {
  const model = new ReferenceModel(config, tensors);
  const [global, local] = [linearRope(24, 1000, 4), plainRope(24, 50)];
  return model.states(
    ids,
    (states, layer) => {
      const isGlobal = layer === 2;
      return sandwich(model, states, layer, normed =>
        model.attention(normed, layer, {
          turn: (head, position) => rotate(head, position, isGlobal ? global : local),
          norm: (side, head) => {
            const { values } = model.tensor(`model.layers.${layer}.self_attn.${side[0]}_norm.weight`);
            return rmsNorm(
              head,
              values.map(value => value + 1),
              config.rms_norm_eps,
            );
          },
          window: isGlobal ? undefined : 5,
          scale: 1 / Math.sqrt(20),
        }),
      );
    },
    { offset: 1, embeddingScale: Math.sqrt(config.hidden_size) },
  );
}

const OUTER_NORMS = {
  'pre_feedforward_layernorm.weight': [SIZES.hidden_size],
  'post_feedforward_layernorm.weight': [SIZES.hidden_size],
};

export const GEMMA_MODELS: readonly CaseModel[] = [
  caseModel(
    'gemma',
    gemma,
    decoderShapes(gemma, true, () => llamaLayerShapes(gemma)),
    gemmaStates,
  ),
  caseModel(
    'gemma2',
    gemma2,
    decoderShapes(gemma2, true, () => ({ ...llamaLayerShapes(gemma2), ...OUTER_NORMS })),
    gemma2States,
    { cap: 3 },
  ),
  caseModel(
    'gemma3_text',
    gemma3,
    decoderShapes(gemma3, true, () => ({
      ...llamaLayerShapes(gemma3),
      ...OUTER_NORMS,
      ...headNormShapes(24),
    })),
    gemma3States,
  ),
];
