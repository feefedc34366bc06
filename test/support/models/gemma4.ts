import { ReferenceModel, type DecoderConfig } from '#test/reference/decoder.js';
import { add, geluTanh, row, scale } from '#test/reference/operations.js';
import { plainRope } from '#test/reference/rope.js';
import {
  perLayerShapes,
  perLayerUpdate,
  perLayerUpdateShapes,
  perLayerVectors,
  sharedKeysAttention,
  type KeptKeys,
} from '#test/reference/shared-keys.js';
import type { TestTensors } from '#test/support/safetensors.js';
import { caseModel, decoderShapes, gatedShapes, SIZES } from './model.js';

/** Sizes that are not those of the layers with a window are read by the names of published files. */
const CONFIG = {
  ...SIZES,
  model_type: 'gemma4_text',
  num_hidden_layers: 4,
  head_dim: 24,
  num_attention_heads: 4,
  num_key_value_heads: 2,
  global_head_dim: 40,
  attention_k_eq_v: true,
  num_global_key_value_heads: 1,
  hidden_activation: 'gelu_pytorch_tanh',
  sliding_window: 5,
  // The last one has no window, whatever is said.
  layer_types: ['sliding_attention', 'full_attention', 'sliding_attention', 'sliding_attention'],
  num_kv_shared_layers: 2,
  use_double_wide_mlp: true,
  hidden_size_per_layer_input: 6,
  vocab_size_per_layer_input: 61,
  final_logit_softcapping: 3,
  use_bidirectional_attention: 'vision',
  rope_parameters: {
    full_attention: { rope_type: 'proportional', partial_rotary_factor: 0.25, rope_theta: 1000 },
    sliding_attention: { rope_type: 'default', rope_theta: 50 },
  },
  tie_word_embeddings: true,
} as const;

const PER_LAYER = { size: 6, rows: 61 };

const WINDOWED = { kvHeads: 2, headSize: 24, rope: plainRope(24, 50), window: 5 };
/** Of the 20 pairs of a head the first 5 turn. */
const WHOLE = {
  kvHeads: 1,
  headSize: 40,
  rope: { frequencies: plainRope(40, 1000).frequencies.map((value, i) => (i < 5 ? value : 0)), magnitude: 1 },
  window: undefined,
  valueName: 'k_proj',
} as const;
const LAYERS = [
  { ...WINDOWED, keysOf: undefined },
  { ...WHOLE, keysOf: undefined },
  { ...WINDOWED, keysOf: 0 },
  { ...WHOLE, keysOf: 1 },
];

function states(config: DecoderConfig, tensors: TestTensors, ids: readonly number[]): number[][] {
  const model = new ReferenceModel(config, tensors);
  const factor = Math.sqrt(config.hidden_size);
  const embedding = model.tensor('model.embed_tokens.weight');
  const vectors = ids.map(id => perLayerVectors(model, id, scale(row(embedding, id), factor), PER_LAYER));
  const kept: KeptKeys = new Map();
  return model.states(
    ids,
    (inputs, layer) => {
      const prefix = `model.layers.${layer}`;
      const norm = (x: readonly number[], name: string): number[] => model.norm(x, `${prefix}.${name}`);
      const normed = inputs.map(x => norm(x, 'input_layernorm'));
      const attended = sharedKeysAttention(model, normed, layer, LAYERS[layer]!, kept);
      return inputs.map((state, i) => {
        const x = add(state, norm(attended[i]!, 'post_attention_layernorm'));
        const inner = model.gated(norm(x, 'pre_feedforward_layernorm'), `${prefix}.mlp`, geluTanh);
        const y = add(x, norm(inner, 'post_feedforward_layernorm'));
        const z = add(y, perLayerUpdate(model, layer, y, vectors[i]![layer]!, geluTanh));
        return scale(z, model.tensor(`${prefix}.layer_scalar`).values[0]!);
      });
    },
    { embeddingScale: factor },
  );
}

function layerShapes(index: number): Record<string, readonly number[]> {
  const { hidden_size: hidden, intermediate_size: inner, num_attention_heads: heads } = CONFIG;
  const { kvHeads, headSize, keysOf } = LAYERS[index]!;
  const isWhole = LAYERS[index]!.window === undefined;
  return {
    'self_attn.q_proj.weight': [heads * headSize, hidden],
    'self_attn.o_proj.weight': [hidden, heads * headSize],
    'self_attn.q_norm.weight': [headSize],
    ...(keysOf === undefined && {
      'self_attn.k_proj.weight': [kvHeads * headSize, hidden],
      'self_attn.k_norm.weight': [headSize],
      ...(!isWhole && { 'self_attn.v_proj.weight': [kvHeads * headSize, hidden] }),
    }),
    ...gatedShapes('mlp', hidden, keysOf === undefined ? inner : 2 * inner),
    'pre_feedforward_layernorm.weight': [hidden],
    'post_feedforward_layernorm.weight': [hidden],
    ...perLayerUpdateShapes(hidden, PER_LAYER),
    layer_scalar: [1],
  };
}

export const GEMMA4 = caseModel(
  'gemma4_text',
  CONFIG,
  {
    ...decoderShapes(CONFIG, true, layerShapes),
    ...perLayerShapes(CONFIG.num_hidden_layers, CONFIG.hidden_size, PER_LAYER),
  },
  states,
  { cap: 3 },
  // Scores without a factor are large.
  (name, value) =>
    name.endsWith('layer_scalar') ? value + 1 : name.endsWith('q_norm.weight') ? value / 4 : value,
);
