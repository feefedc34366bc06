import {
  attention,
  decoderFields,
  ends,
  GATED_MLP,
  headNorms,
  layerNorm,
  linear,
  partlyTurned,
  PRE_NORMS,
  rmsNorm,
  windows,
  withoutBiases,
} from './common.js';
import { expertFields, experts, LAYERS, PROJECTIONS } from './decoders.js';
import type { GgufArchitecture, TensorRule } from './types.js';

/** Norms of what the halves of a layer give. */
const OUTPUT_NORMS: readonly TensorRule[] = [
  ...linear('post_attention_norm', 'post_attention_layernorm'),
  ...linear('post_ffw_norm', 'post_feedforward_layernorm'),
];

/** Families whose layer norms have no weights, and whose norms are only of that kind. */
const olmo: GgufArchitecture = {
  names: ['olmo'],
  layers: LAYERS,
  once: withoutBiases([...linear('token_embd', 'model.embed_tokens'), ...linear('output', 'lm_head')]),
  ofLayer: withoutBiases([...attention(true), ...GATED_MLP]),
  config(fields) {
    const { epsilon } = layerNorm(fields, 'epsilon');
    if (epsilon !== 1e-5)
      throw fields.file.metadata.unsupported(`olmo.attention.layer_norm_epsilon is not 1e-5`);
    return {
      ...decoderFields(fields),
      model_type: 'olmo',
      clip_qkv: fields.has('attention.clamp_kqv') ? fields.number('attention.clamp_kqv') : null,
    };
  },
};

/** OLMo 2, and OLMo 3 where there are windows. */
const olmo2: GgufArchitecture = {
  names: ['olmo2'],
  layers: LAYERS,
  once: withoutBiases(ends()),
  ofLayer: withoutBiases([...attention(false), ...headNorms(), ...OUTPUT_NORMS, ...GATED_MLP]),
  config(fields) {
    const common = { ...decoderFields(fields), ...rmsNorm(fields) };
    if (!fields.has('attention.sliding_window')) return { ...common, model_type: 'olmo2' };
    const theta = fields.number('rope.freq_base', 10_000);
    if (fields.number('rope.freq_base_swa', theta) !== theta)
      throw fields.file.metadata.unsupported('olmo2.rope.freq_base_swa is another than rope.freq_base');
    return { ...common, ...windows(fields, 4), model_type: 'olmo3' };
  },
};

const olmoe: GgufArchitecture = {
  names: ['olmoe'],
  layers: LAYERS,
  once: withoutBiases(ends()),
  ofLayer: withoutBiases([...attention(false), ...headNorms(), ...PRE_NORMS, ...experts('mlp', PROJECTIONS)]),
  config: fields => ({
    ...decoderFields(fields),
    ...rmsNorm(fields),
    ...expertFields(fields),
    model_type: 'olmoe',
    num_experts: fields.size('expert_count'),
    norm_topk_prob: false,
  }),
};

const seedOss: GgufArchitecture = {
  names: ['seed_oss'],
  layers: LAYERS,
  once: withoutBiases(ends()),
  ofLayer: [
    ...attention(false),
    ...linear('attn_norm', 'input_layernorm'),
    ...linear('post_attention_norm', 'post_attention_layernorm'),
    ...GATED_MLP,
  ],
  config: fields => ({
    ...decoderFields(fields),
    ...rmsNorm(fields),
    model_type: 'seed_oss',
    attention_bias: fields.hasTensor('blk.0.attn_q.bias'),
    attention_out_bias: fields.hasTensor('blk.0.attn_output.bias'),
    mlp_bias: fields.hasTensor('blk.0.ffn_down.bias'),
  }),
};

/** Both halves of a layer read one norm. */
const COHERE: Pick<GgufArchitecture, 'layers' | 'once' | 'ofLayer'> = {
  layers: LAYERS,
  once: withoutBiases(ends()),
  ofLayer: withoutBiases([...attention(false), ...linear('attn_norm', 'input_layernorm'), ...GATED_MLP]),
};

const commandR: GgufArchitecture = {
  ...COHERE,
  names: ['command-r'],
  config: fields => ({
    ...decoderFields(fields),
    ...layerNorm(fields, 'layer_norm_eps'),
    model_type: 'cohere',
    logit_scale: fields.number('logit_scale'),
  }),
};

const cohere2: GgufArchitecture = {
  ...COHERE,
  names: ['cohere2'],
  config: fields => ({
    ...decoderFields(fields),
    ...layerNorm(fields, 'layer_norm_eps'),
    ...windows(fields, 4),
    model_type: 'cohere2',
    logit_scale: fields.number('logit_scale'),
  }),
};

/** Files of the largest do not always have its window; llama.cpp tells it by its layers. */
const LARGEST_EXAONE = { layers: 64, window: 4096 };

const exaone4: GgufArchitecture = {
  names: ['exaone4'],
  layers: LAYERS,
  once: withoutBiases(ends()),
  ofLayer: withoutBiases([...attention(false), ...headNorms(), ...OUTPUT_NORMS, ...GATED_MLP]),
  config(fields) {
    const isWindowed =
      fields.has('attention.sliding_window') || fields.size('block_count') === LARGEST_EXAONE.layers;
    return {
      ...decoderFields(fields),
      ...rmsNorm(fields),
      ...(isWindowed ? windows(fields, 4, LARGEST_EXAONE.window) : { sliding_window: null }),
      model_type: 'exaone4',
    };
  },
};

/** EXAONE 3 and 3.5, whose weights and fields have names of their own. */
const exaone: GgufArchitecture = {
  names: ['exaone'],
  layers: 'transformer.h',
  once: withoutBiases([
    ...linear('token_embd', 'transformer.wte'),
    ...linear('output_norm', 'transformer.ln_f'),
    ...linear('output', 'lm_head'),
  ]),
  ofLayer: withoutBiases([
    ...linear('attn_norm', 'ln_1'),
    ...linear('attn_q', 'attn.attention.q_proj'),
    ...linear('attn_k', 'attn.attention.k_proj'),
    ...linear('attn_v', 'attn.attention.v_proj'),
    ...linear('attn_output', 'attn.attention.out_proj'),
    ...linear('ffn_norm', 'ln_2'),
    ...linear('ffn_gate', 'mlp.c_fc_0'),
    ...linear('ffn_up', 'mlp.c_fc_1'),
    ...linear('ffn_down', 'mlp.c_proj'),
  ]),
  config(fields) {
    const { num_hidden_layers: layers, hidden_act: activation, ...common } = decoderFields(fields);
    return {
      ...common,
      model_type: 'exaone',
      num_layers: layers,
      activation_function: activation,
      layer_norm_epsilon: rmsNorm(fields).rms_norm_eps,
    };
  },
};

const ernie45: GgufArchitecture = {
  names: ['ernie4_5'],
  layers: LAYERS,
  once: withoutBiases(ends()),
  ofLayer: [...attention(false), ...PRE_NORMS, ...GATED_MLP],
  config: fields => ({
    ...decoderFields(fields),
    ...rmsNorm(fields),
    model_type: 'ernie4_5',
    use_bias: fields.hasTensor('blk.0.attn_output.bias'),
  }),
};

const glm4: GgufArchitecture = {
  names: ['glm4'],
  layers: LAYERS,
  once: withoutBiases(ends()),
  ofLayer: [
    ...linear('attn_q', 'self_attn.q_proj'),
    ...linear('attn_k', 'self_attn.k_proj'),
    ...linear('attn_v', 'self_attn.v_proj'),
    ...withoutBiases([
      ...linear('attn_output', 'self_attn.o_proj'),
      ...PRE_NORMS,
      ...linear('post_attention_norm', 'post_self_attn_layernorm'),
      ...linear('post_ffw_norm', 'post_mlp_layernorm'),
      ...linear('ffn_up', 'mlp.gate_up_proj'),
      ...linear('ffn_down', 'mlp.down_proj'),
    ]),
  ],
  config: fields => ({
    ...partlyTurned(fields),
    ...rmsNorm(fields),
    model_type: 'glm4',
    attention_bias: fields.hasTensor('blk.0.attn_q.bias'),
  }),
};

const hunyuan: GgufArchitecture = {
  names: ['hunyuan-dense'],
  layers: LAYERS,
  once: withoutBiases(ends()),
  ofLayer: [
    ...attention(false),
    ...linear('attn_q_norm', 'self_attn.query_layernorm'),
    ...linear('attn_k_norm', 'self_attn.key_layernorm'),
    ...PRE_NORMS,
    ...withoutBiases(GATED_MLP),
  ],
  config(fields) {
    // The base of rotary positions has been stretched by the converter.
    fields.requireValue('rope.scaling.factor', 1);
    return {
      ...decoderFields(fields),
      ...rmsNorm(fields),
      model_type: 'hunyuan_v1_dense',
      attention_bias: fields.hasTensor('blk.0.attn_output.bias'),
    };
  },
};

/** A layer norm whose weight is stored with 1 added. */
function normAddedTo(from: string, to: string): TensorRule[] {
  return [
    { from: `${from}.weight`, to: `${to}.weight`, added: 1 },
    { from: `${from}.bias`, to: `${to}.bias` },
  ];
}

/** A feed-forward layer without a gate. */
const PLAIN_MLP: readonly TensorRule[] = [
  ...linear('ffn_up', 'mlp.up_proj'),
  ...linear('ffn_down', 'mlp.down_proj'),
];

const nemotron: GgufArchitecture = {
  names: ['nemotron'],
  layers: LAYERS,
  once: [
    ...withoutBiases([...linear('token_embd', 'model.embed_tokens'), ...linear('output', 'lm_head')]),
    ...normAddedTo('output_norm', 'model.norm'),
  ],
  ofLayer: [
    ...attention(false),
    ...normAddedTo('attn_norm', 'input_layernorm'),
    ...normAddedTo('ffn_norm', 'post_attention_layernorm'),
    ...PLAIN_MLP,
  ],
  config: fields => ({
    ...partlyTurned(fields),
    ...layerNorm(fields, 'norm_eps'),
    model_type: 'nemotron',
    hidden_act: 'relu2',
    attention_bias: fields.hasTensor('blk.0.attn_output.bias'),
    mlp_bias: fields.hasTensor('blk.0.ffn_down.bias'),
  }),
};

const arcee: GgufArchitecture = {
  names: ['arcee'],
  layers: LAYERS,
  once: withoutBiases(ends()),
  ofLayer: [...attention(true), ...PRE_NORMS, ...PLAIN_MLP],
  config: fields => ({
    ...decoderFields(fields),
    ...rmsNorm(fields),
    model_type: 'arcee',
    hidden_act: 'relu2',
    attention_bias: fields.hasTensor('blk.0.attn_output.bias'),
    mlp_bias: fields.hasTensor('blk.0.ffn_down.bias'),
  }),
};

const stablelm: GgufArchitecture = {
  names: ['stablelm'],
  layers: LAYERS,
  once: ends(),
  ofLayer: [
    ...linear('attn_q', 'self_attn.q_proj'),
    ...linear('attn_k', 'self_attn.k_proj'),
    ...linear('attn_v', 'self_attn.v_proj'),
    ...withoutBiases([...linear('attn_output', 'self_attn.o_proj'), ...GATED_MLP]),
    ...PRE_NORMS,
  ],
  config: fields => ({
    ...partlyTurned(fields),
    ...layerNorm(fields, 'layer_norm_eps'),
    model_type: 'stablelm',
    use_qkv_bias: fields.hasTensor('blk.0.attn_q.bias'),
    // llama.cpp goes by the tensor.
    use_parallel_residual: !fields.hasTensor('blk.0.ffn_norm.weight'),
  }),
};

/** Families of Llama's kind that differ from it by norms, biases, windows or an activation. */
export const NEAR_LLAMA: readonly GgufArchitecture[] = [
  olmo,
  olmo2,
  olmoe,
  seedOss,
  commandR,
  cohere2,
  exaone,
  exaone4,
  ernie45,
  glm4,
  hunyuan,
  nemotron,
  arcee,
  stablelm,
];
