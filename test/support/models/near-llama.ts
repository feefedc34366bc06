import type { DecoderConfig, LogitsFields, ReferenceModel } from '#test/reference/decoder.js';
import { nearLlamaStates, plain, stacked, xielu, type Differences } from '#test/reference/near-llama.js';
import { ACTIVATIONS, add, linear, multiply, silu, type Vector } from '#test/reference/operations.js';
import { linearRope, plainRope, yarnRope, type Rope } from '#test/reference/rope.js';
import type { Shapes } from '#test/support/random-tensors.js';
import { mixture } from './mixture-of-experts.js';
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

/** Two of three experts, stored in two tensors, and one that all tokens go through. */
function graniteExperts(model: ReferenceModel, x: Vector, prefix: string): number[] {
  const part = (name: string, expert: number): number[] => {
    const { shape, values } = model.tensor(`${prefix}.block_sparse_moe.${name}.weight`);
    const [, rows, columns] = shape as [number, number, number];
    return values.slice(expert * rows * columns, (expert + 1) * rows * columns);
  };
  const gated = (both: Vector): number[] => multiply(both.slice(0, EXPERT).map(silu), both.slice(EXPERT));
  const routed = mixture(model.linear(x, `${prefix}.block_sparse_moe.router.layer`), 2, true, expert => {
    const both = linear(x, { shape: [2 * EXPERT, hidden], values: part('input_linear', expert) });
    return linear(gated(both), { shape: [hidden, EXPERT], values: part('output_linear', expert) });
  });
  const shared = model.linear(x, `${prefix}.shared_mlp.input_linear`);
  return add(routed, model.linear(gated(shared), `${prefix}.shared_mlp.output_linear`));
}

/** Inner width of experts. */
const EXPERT = 64;

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
      rope_scaling: { rope_type: 'yarn', factor: 3, original_max_position_embeddings: 24 },
    },
    differences: {
      placement: 'after',
      queryKeyNorms: 'whole',
      window: windowed,
      rope: layer => (layer === 1 ? yarnRope(8, 100, 3, 24) : rope),
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
  nearLlama('ministral3, queries that grow from position 6 on', {
    fields: {
      model_type: 'ministral3',
      rope_parameters: {
        rope_type: 'yarn',
        rope_theta: 100,
        factor: 3,
        original_max_position_embeddings: 6,
        llama_4_scaling_beta: 0.4,
      },
    },
    differences: {
      rope: () => yarnRope(8, 100, 3, 6),
      queryFactor: position => 1 + 0.4 * Math.log(1 + Math.floor(position / 6)),
    },
  }),
  nearLlama('hunyuan_v1_dense, norms behind rotary positions', {
    fields: { model_type: 'hunyuan_v1_dense', rope_scaling: { type: 'dynamic', factor: 1, alpha: 20 } },
    differences: {
      queryKeyNorms: 'turned heads',
      queryKeyNames: ['query_layernorm', 'key_layernorm'],
      rope: () => plainRope(8, 100 * 20 ** (8 / 6)),
    },
    shapes: { 'self_attn.query_layernorm.weight': [8], 'self_attn.key_layernorm.weight': [8] },
  }),
  nearLlama('apertus', {
    fields: {
      model_type: 'apertus',
      hidden_act: 'xielu',
      rope_scaling: { rope_type: 'linear', factor: 2 },
    },
    differences: {
      normNames: ['attention_layernorm', 'feedforward_layernorm'],
      queryKeyNorms: 'heads',
      feedForward: xielu,
      rope: () => linearRope(8, 100, 2),
    },
    feedForward: {
      ...PLAIN_MLP,
      'mlp.act_fn.alpha_p': [1],
      'mlp.act_fn.alpha_n': [1],
      'mlp.act_fn.beta': [],
      'mlp.act_fn.eps': [],
    },
    shapes: {
      ...headNormShapes(8),
      'attention_layernorm.weight': [hidden],
      'feedforward_layernorm.weight': [hidden],
    },
  }),
  nearLlama('granitemoeshared', {
    fields: {
      model_type: 'granitemoeshared',
      num_local_experts: 3,
      num_experts_per_tok: 2,
      intermediate_size: EXPERT,
      shared_intermediate_size: EXPERT,
      embedding_multiplier: 3,
      attention_multiplier: 0.2,
      residual_multiplier: 0.4,
      logits_scaling: 5,
    },
    differences: { embeddingFactor: 3, scale: 0.2, updateFactor: 0.4, feedForward: graniteExperts },
    feedForward: {
      'block_sparse_moe.router.layer.weight': [3, hidden],
      'block_sparse_moe.input_linear.weight': [3, 2 * EXPERT, hidden],
      'block_sparse_moe.output_linear.weight': [3, hidden, EXPERT],
      'shared_mlp.input_linear.weight': [2 * EXPERT, hidden],
      'shared_mlp.output_linear.weight': [hidden, EXPERT],
    },
    logits: { factor: 1 / 5 },
  }),
];
