import { ReferenceModel, type DecoderConfig } from '#test/reference/decoder.js';
import { rmsNorm, silu } from '#test/reference/operations.js';
import { plainRope, rotate } from '#test/reference/rope.js';
import type { TestTensors } from '#test/support/safetensors.js';
import {
  caseModel,
  decoderShapes,
  headNormShapes,
  llamaLayerShapes,
  SIZES,
  type CaseModel,
} from './model.js';

const BASE = { ...SIZES, hidden_act: 'silu' } as const;

/** Hidden states of a Qwen; `windows` by layer. */
function qwenStates(
  config: DecoderConfig,
  tensors: TestTensors,
  ids: readonly number[],
  hasHeadNorms: boolean,
  windows: readonly (number | undefined)[] = [],
): number[][] {
  const model = new ReferenceModel(config, tensors);
  const rope = plainRope(model.headSize, SIZES.rope_theta);
  return model.states(ids, (states, layer) =>
    model.preNorm(
      states,
      layer,
      normed =>
        model.attention(normed, layer, {
          turn: (head, position) => rotate(head, position, rope),
          window: windows[layer],
          ...(hasHeadNorms && {
            norm: (side: 'query' | 'key', head: number[]) => {
              const name = `model.layers.${layer}.self_attn.${side[0]}_norm.weight`;
              return rmsNorm(head, model.tensor(name).values, config.rms_norm_eps);
            },
          }),
        }),
      x => model.gated(x, `model.layers.${layer}.mlp`, silu),
    ),
  );
}

const qwen2 = { ...BASE, model_type: 'qwen2', tie_word_embeddings: true } as const;
const sliding = {
  ...BASE,
  model_type: 'qwen2',
  use_sliding_window: true,
  sliding_window: 4,
  max_window_layers: 1,
  tie_word_embeddings: false,
} as const;
const qwen3 = { ...BASE, model_type: 'qwen3', head_dim: 8, tie_word_embeddings: true } as const;

export const QWEN_MODELS: readonly CaseModel[] = [
  caseModel(
    'qwen2',
    qwen2,
    decoderShapes(qwen2, true, () => llamaLayerShapes(qwen2, 3)),
    (config, tensors, ids) => qwenStates(config, tensors, ids, false),
  ),
  caseModel(
    'qwen2 with windows from layer 1 on',
    sliding,
    decoderShapes(sliding, false, () => llamaLayerShapes(sliding, 3)),
    (config, tensors, ids) => qwenStates(config, tensors, ids, false, [undefined, 4, 4]),
  ),
  caseModel(
    'qwen3, heads padded after their norm',
    qwen3,
    decoderShapes(qwen3, true, () => ({ ...llamaLayerShapes(qwen3), ...headNormShapes(8) })),
    (config, tensors, ids) => qwenStates(config, tensors, ids, true),
  ),
];
