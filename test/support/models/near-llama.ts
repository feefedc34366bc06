import type { DecoderConfig, LogitsFields } from '#test/reference/decoder.js';
import { nearLlamaStates, plain, stacked, type Differences } from '#test/reference/near-llama.js';
import { ACTIVATIONS, silu } from '#test/reference/operations.js';
import { plainRope, yarnRope, type Rope } from '#test/reference/rope.js';
import type { Shapes } from '#test/support/random-tensors.js';
import {
  attentionShapes,
  caseModel,
  decoderShapes,
  gatedShapes,
  headNormShapes,
  SIZES,
  type CaseModel,
} from './model.js';

const { hidden_size: hidden, intermediate_size: inner, num_attention_heads: heads } = SIZES;
const kvHeads = SIZES.num_key_value_heads;

type Fields = typeof SIZES & DecoderConfig & { readonly model_type: string };

interface Case {
  readonly fields: Readonly<Record<string, unknown>>;
  readonly differences: Omit<Differences, 'rope'> & Partial<Pick<Differences, 'rope'>>;
  /** Weights of a layer beside its four projections, those of the feed-forward layer and two norms. */
  readonly shapes?: Shapes;
  /** How many projections have a bias. */
  readonly biased?: number;
  readonly feedForward?: Shapes;
  readonly logits?: LogitsFields;
  /** What fields are called in config.json, by the names that they have in `fields`. */
  readonly storedFields?: Readonly<Record<string, string>>;
  /** What weights are called where these are not Llama's names. */
  readonly stored?: (name: string) => string;
}

function nearLlama(
  name: string,
  { fields, differences, shapes, biased, feedForward, logits, storedFields = {}, stored }: Case,
): CaseModel {
  const config = {
    ...SIZES,
    head_dim: 8,
    hidden_act: 'silu',
    tie_word_embeddings: false,
    ...fields,
  } as unknown as Fields;
  const rope = plainRope(config.head_dim!, SIZES.rope_theta);
  const all = decoderShapes(config, false, () => ({
    ...attentionShapes(config, biased),
    ...(feedForward ?? gatedShapes('mlp', hidden, inner)),
    ...shapes,
  }));
  const model = caseModel(
    name,
    config,
    all,
    (own, tensors, ids) => nearLlamaStates(own, tensors, ids, { rope: () => rope, ...differences }),
    logits,
  );
  if (stored === undefined) return model;
  const renamed = <T>(all: Readonly<Record<string, T>>, to: (key: string) => string): Record<string, T> =>
    Object.fromEntries(Object.entries(all).map(([key, value]) => [to(key), value]));
  return {
    ...model,
    config: renamed(model.config, key => storedFields[key] ?? key),
    tensors: renamed(model.tensors, stored),
  };
}

const POST_NORM: Shapes = { 'post_feedforward_layernorm.weight': [hidden] };
const WHOLE_NORMS: Shapes = {
  'self_attn.q_norm.weight': [heads * 8],
  'self_attn.k_norm.weight': [kvHeads * 8],
};
const PLAIN_MLP: Shapes = { 'mlp.up_proj.weight': [inner, hidden], 'mlp.down_proj.weight': [hidden, inner] };
const STACKED_MLP: Shapes = {
  'mlp.gate_up_proj.weight': [2 * inner, hidden],
  'mlp.down_proj.weight': [hidden, inner],
};
const WINDOWS = ['sliding_attention', 'full_attention', 'sliding_attention'];
const windowed = (layer: number): number | undefined => (layer === 1 ? undefined : 6);
const whereWindowed = (rope: Rope) => (layer: number) => (layer === 1 ? undefined : rope);
const rope = plainRope(8, 100);

export const NEAR_LLAMA_MODELS: readonly CaseModel[] = [
  nearLlama('olmo', {
    fields: { model_type: 'olmo', clip_qkv: 0.5 },
    differences: { norms: 'plain layer', epsilon: 1e-5, clip: 0.5 },
  }),
  nearLlama('olmo2', {
    fields: { model_type: 'olmo2', attention_bias: true },
    differences: { placement: 'after', queryKeyNorms: 'whole' },
    biased: 4,
    shapes: { ...POST_NORM, ...WHOLE_NORMS },
  }),
  nearLlama('olmo3', {
    fields: {
      model_type: 'olmo3',
      sliding_window: 6,
      layer_types: WINDOWS,
      rope_scaling: { rope_type: 'yarn', factor: 3, original_max_position_embeddings: 200 },
    },
    differences: {
      placement: 'after',
      queryKeyNorms: 'whole',
      window: windowed,
      rope: layer => (layer === 1 ? yarnRope(8, 100, 3, 200) : rope),
    },
    shapes: { ...POST_NORM, ...WHOLE_NORMS },
  }),
  nearLlama('ernie4_5', {
    fields: { model_type: 'ernie4_5' },
    differences: { pairs: 'neighbours' },
  }),
  nearLlama('exaone by its own names', {
    fields: { model_type: 'exaone', rms_norm_eps: 1e-3, hidden_act: 'gelu_new' },
    storedFields: {
      num_hidden_layers: 'num_layers',
      rms_norm_eps: 'layer_norm_epsilon',
      hidden_act: 'activation_function',
    },
    differences: { activation: 'gelu_new' },
    stored: name =>
      name
        .replace('model.', 'transformer.')
        .replace('embed_tokens', 'wte')
        .replace('layers', 'h')
        .replace('transformer.norm', 'transformer.ln_f')
        .replace('self_attn', 'attn.attention')
        .replace('o_proj', 'out_proj')
        .replace('input_layernorm', 'ln_1')
        .replace('post_attention_layernorm', 'ln_2')
        .replace('gate_proj', 'c_fc_0')
        .replace('up_proj', 'c_fc_1')
        .replace('down_proj', 'c_proj'),
  }),
  nearLlama('exaone4, no positions where there is no window', {
    fields: { model_type: 'exaone4', sliding_window: 6, layer_types: WINDOWS },
    differences: { placement: 'after', queryKeyNorms: 'heads', window: windowed, rope: whereWindowed(rope) },
    shapes: { ...POST_NORM, ...headNormShapes(8) },
  }),
  nearLlama('cohere', {
    fields: { model_type: 'cohere', layer_norm_eps: 1e-4, logit_scale: 0.25, attention_bias: true },
    differences: { norms: 'layer', epsilon: 1e-4, placement: 'parallel', pairs: 'neighbours' },
    biased: 4,
    logits: { factor: 0.25 },
  }),
  nearLlama('cohere2, every third layer without window and positions', {
    fields: {
      model_type: 'cohere2',
      layer_norm_eps: 1e-4,
      logit_scale: 0.25,
      sliding_window: 6,
      sliding_window_pattern: 2,
    },
    differences: {
      norms: 'layer',
      epsilon: 1e-4,
      placement: 'parallel',
      pairs: 'neighbours',
      window: windowed,
      rope: whereWindowed(rope),
    },
    logits: { factor: 0.25 },
  }),
  nearLlama('glm', {
    fields: { model_type: 'glm', head_dim: 40, partial_rotary_factor: 0.4 },
    differences: { pairs: 'neighbours', feedForward: stacked(silu), rope: () => plainRope(16, 100) },
    biased: 3,
    feedForward: STACKED_MLP,
  }),
  nearLlama('glm4', {
    fields: { model_type: 'glm4', head_dim: 32, attention_bias: false },
    differences: {
      placement: 'both',
      normNames: [
        'input_layernorm',
        'post_self_attn_layernorm',
        'post_attention_layernorm',
        'post_mlp_layernorm',
      ],
      pairs: 'neighbours',
      feedForward: stacked(silu),
      rope: () => plainRope(16, 100),
    },
    feedForward: STACKED_MLP,
    shapes: { 'post_self_attn_layernorm.weight': [hidden], 'post_mlp_layernorm.weight': [hidden] },
  }),
  nearLlama('seed_oss', {
    fields: { model_type: 'seed_oss' },
    differences: {},
    biased: 3,
  }),
  nearLlama('helium', {
    fields: { model_type: 'helium', attention_bias: true },
    differences: { pairs: 'neighbours' },
    biased: 3,
  }),
  nearLlama('arcee', {
    fields: { model_type: 'arcee', hidden_act: undefined },
    differences: { feedForward: plain(ACTIVATIONS.relu2!) },
    feedForward: PLAIN_MLP,
  }),
  nearLlama('internlm3', {
    fields: { model_type: 'internlm3', qkv_bias: true, bias: false },
    differences: {},
    biased: 3,
  }),
  nearLlama('ministral', {
    fields: { model_type: 'ministral', sliding_window: 6, layer_types: WINDOWS },
    differences: { window: windowed },
  }),
];
