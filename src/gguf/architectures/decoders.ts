import {
  attention,
  decoderFields,
  ends,
  GATED_MLP,
  headNorms,
  linear,
  PRE_NORMS,
  rmsNorm,
} from './common.js';
import type { Fields } from './fields.js';
import type { GgufArchitecture, TensorRule } from './types.js';

export const LAYERS = 'model.layers';

/** A decoder of Llama's kind. */
export function decoder(
  names: readonly string[],
  { isPaired = false, more = [], config }: DecoderDifferences,
): GgufArchitecture {
  return {
    names,
    layers: LAYERS,
    once: ends(),
    ofLayer: [...attention(isPaired), ...PRE_NORMS, ...GATED_MLP, ...more],
    config: fields => ({ ...decoderFields(fields), ...rmsNorm(fields), ...config(fields) }),
  };
}

interface DecoderDifferences {
  /** Whether llama.cpp wants rows of heads in pairs; default false. */
  readonly isPaired?: boolean;
  readonly more?: readonly TensorRule[];
  readonly config: GgufArchitecture['config'];
}

/** Experts, whose matrices of one kind are stored as one. */
export function experts(prefix: string, [gate, down, up]: readonly [string, string, string]): TensorRule[] {
  return [
    { from: 'ffn_gate_inp.weight', to: `${prefix}.gate.weight` },
    { from: 'ffn_gate_exps.weight', to: `${prefix}.experts.{expert}.${gate}.weight` },
    { from: 'ffn_down_exps.weight', to: `${prefix}.experts.{expert}.${down}.weight` },
    { from: 'ffn_up_exps.weight', to: `${prefix}.experts.{expert}.${up}.weight` },
  ];
}

export const PROJECTIONS = ['gate_proj', 'down_proj', 'up_proj'] as const;

export function expertFields(fields: Fields): Record<string, unknown> {
  fields.requireValue('expert_group_count', 0);
  fields.requireValue('expert_group_used_count', 0);
  // 1: softmax.
  fields.requireValue('expert_gating_func', 1);
  fields.requireValue('expert_weights_scale', 1);
  return { num_experts_per_tok: fields.size('expert_used_count') };
}

/** Llama and those that the converter takes for it; with experts it is Mixtral. */
const llama: GgufArchitecture = {
  ...decoder(['llama'], { isPaired: true, config: () => ({}) }),
  ofLayer: [
    ...attention(true),
    ...PRE_NORMS,
    ...GATED_MLP,
    ...experts('block_sparse_moe', ['w1', 'w2', 'w3']),
  ],
  config(fields) {
    const common = { ...decoderFields(fields), ...rmsNorm(fields) };
    if (fields.has('expert_count') && fields.file.metadata.count('llama.expert_count') > 0) {
      const count = fields.size('expert_count');
      return { ...common, ...expertFields(fields), model_type: 'mixtral', num_local_experts: count };
    }
    fields.requireValue('expert_count', 0);
    fields.requireValue('expert_used_count', 0);
    return {
      ...common,
      model_type: 'llama',
      attention_bias: fields.hasTensor('blk.0.attn_output.bias'),
      mlp_bias: fields.hasTensor('blk.0.ffn_down.bias'),
    };
  },
};

const qwen2 = decoder(['qwen2'], { config: () => ({ model_type: 'qwen2' }) });

const qwen3 = decoder(['qwen3'], {
  more: headNorms(),
  config: () => ({ model_type: 'qwen3', attention_bias: false }),
});

/** What both of Qwen's mixtures have. */
function qwenExperts(fields: Fields): Record<string, unknown> {
  const [count, inner] = fields.shape('blk.0.ffn_gate_exps.weight');
  const width = fields.size('expert_feed_forward_length', inner);
  return {
    ...expertFields(fields),
    num_experts: fields.size('expert_count', count),
    moe_intermediate_size: width,
    decoder_sparse_step: 1,
    mlp_only_layers: [],
  };
}

const qwen2Moe = decoder(['qwen2moe'], {
  more: [
    ...experts('mlp', PROJECTIONS),
    { from: 'ffn_gate_shexp.weight', to: 'mlp.shared_expert.gate_proj.weight' },
    { from: 'ffn_up_shexp.weight', to: 'mlp.shared_expert.up_proj.weight' },
    { from: 'ffn_down_shexp.weight', to: 'mlp.shared_expert.down_proj.weight' },
    { from: 'ffn_gate_inp_shexp.weight', to: 'mlp.shared_expert_gate.weight', leadingAxes: 1 },
  ],
  config: fields => ({
    ...qwenExperts(fields),
    model_type: 'qwen2_moe',
    shared_expert_intermediate_size: fields.size(
      'expert_shared_feed_forward_length',
      fields.shape('blk.0.ffn_gate_shexp.weight')[0],
    ),
    norm_topk_prob: false,
  }),
});

const qwen3Moe = decoder(['qwen3moe'], {
  more: [...headNorms(), ...experts('mlp', PROJECTIONS)],
  config: fields => ({
    ...qwenExperts(fields),
    model_type: 'qwen3_moe',
    attention_bias: false,
    norm_topk_prob: true,
  }),
});

const phi3: GgufArchitecture = {
  names: ['phi3'],
  layers: LAYERS,
  once: ends(),
  ofLayer: [
    ...linear('attn_qkv', 'self_attn.qkv_proj'),
    ...linear('attn_output', 'self_attn.o_proj'),
    ...PRE_NORMS,
    ...linear('ffn_up', 'mlp.gate_up_proj'),
    ...linear('ffn_down', 'mlp.down_proj'),
  ],
  config(fields) {
    const window = fields.has('attention.sliding_window')
      ? fields.file.metadata.count('phi3.attention.sliding_window')
      : 0;
    const { partial_rotary_factor: share = 1, ...common } = decoderFields(fields);
    return {
      ...common,
      ...rmsNorm(fields),
      partial_rotary_factor: share,
      model_type: 'phi3',
      sliding_window: window === 0 ? null : window,
    };
  },
};

const granite = decoder(['granite'], {
  isPaired: true,
  config: fields => ({
    model_type: 'granite',
    attention_bias: fields.hasTensor('blk.0.attn_output.bias'),
    mlp_bias: fields.hasTensor('blk.0.ffn_down.bias'),
    attention_multiplier: fields.number('attention.scale', 1),
    embedding_multiplier: fields.number('embedding_scale', 1),
    residual_multiplier: fields.number('residual_scale', 1),
    logits_scaling: fields.number('logit_scale', 1),
  }),
});

/** Every fourth layer has no positions: llama.cpp knows that, and files do not say it. */
const smollm3 = decoder(['smollm3'], {
  isPaired: true,
  config: () => ({ model_type: 'smollm3', no_rope_layer_interval: 4 }),
});

const starcoder2: GgufArchitecture = {
  names: ['starcoder2'],
  layers: LAYERS,
  once: ends(),
  ofLayer: [
    ...attention(false),
    ...PRE_NORMS,
    ...linear('ffn_up', 'mlp.c_fc'),
    ...linear('ffn_down', 'mlp.c_proj'),
  ],
  config: fields => ({
    ...decoderFields(fields),
    model_type: 'starcoder2',
    norm_epsilon: fields.number('attention.layer_norm_epsilon'),
    hidden_act: 'gelu_pytorch_tanh',
    use_bias: fields.hasTensor('blk.0.attn_q.bias'),
    sliding_window: null,
  }),
};

const gpt2: GgufArchitecture = {
  names: ['gpt2'],
  layers: 'transformer.h',
  once: [
    ...linear('token_embd', 'transformer.wte'),
    ...linear('position_embd', 'transformer.wpe'),
    ...linear('output_norm', 'transformer.ln_f'),
    ...linear('output', 'lm_head'),
  ],
  ofLayer: [
    ...linear('attn_norm', 'ln_1'),
    ...linear('attn_qkv', 'attn.c_attn', { isTransposed: true }),
    ...linear('attn_output', 'attn.c_proj', { isTransposed: true }),
    ...linear('ffn_norm', 'ln_2'),
    ...linear('ffn_up', 'mlp.c_fc', { isTransposed: true }),
    ...linear('ffn_down', 'mlp.c_proj', { isTransposed: true }),
  ],
  config(fields) {
    const heads = fields.size('attention.head_count');
    fields.requireValue('attention.head_count_kv', heads);
    return {
      model_type: 'gpt2',
      n_embd: fields.size('embedding_length'),
      n_layer: fields.size('block_count'),
      n_head: heads,
      n_inner: fields.size('feed_forward_length'),
      n_positions: fields.size('context_length'),
      layer_norm_epsilon: fields.number('attention.layer_norm_epsilon'),
      activation_function: 'gelu_new',
      tie_word_embeddings: !fields.hasTensor('output.weight'),
    };
  },
};

export const DECODERS: readonly GgufArchitecture[] = [
  llama,
  qwen2,
  qwen3,
  qwen2Moe,
  qwen3Moe,
  phi3,
  granite,
  smollm3,
  starcoder2,
  gpt2,
];
