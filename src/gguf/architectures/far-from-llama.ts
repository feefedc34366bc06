import { layerNorm, linear, partlyTurned, withoutBiases } from './common.js';
import type { Fields } from './fields.js';
import type { GgufArchitecture } from './types.js';

/** Sizes that all of these have, by the names that most call them. */
function sizes(fields: Fields): Record<string, unknown> {
  const heads = fields.size('attention.head_count');
  fields.requireValue('attention.head_count_kv', heads);
  return {
    hidden_size: fields.size('embedding_length'),
    num_hidden_layers: fields.size('block_count'),
    num_attention_heads: heads,
    tie_word_embeddings: !fields.hasTensor('output.weight'),
  };
}

/** The feed-forward layer is as wide as its matrix, or as a file says; some say something else. */
function innerSize(fields: Fields): number {
  fields.size('feed_forward_length');
  return fields.shape('blk.0.ffn_up.weight')[0]!;
}

/** @throws KvasirError `unsupported_model` where the feed-forward layer is not of the only size that is written */
function requireFourfold(fields: Fields): void {
  const [inner, hidden] = [innerSize(fields), fields.size('embedding_length')];
  if (inner !== 4 * hidden)
    throw fields.file.metadata.unsupported(
      `its feed-forward layers have ${inner} features, not ${4 * hidden}`,
    );
}

const gptNeox: GgufArchitecture = {
  names: ['gptneox'],
  layers: 'gpt_neox.layers',
  once: [
    ...withoutBiases([...linear('token_embd', 'gpt_neox.embed_in'), ...linear('output', 'embed_out')]),
    ...linear('output_norm', 'gpt_neox.final_layer_norm'),
  ],
  ofLayer: [
    ...linear('attn_norm', 'input_layernorm'),
    ...linear('attn_qkv', 'attention.query_key_value', { heads: 'all' }),
    ...linear('attn_output', 'attention.dense'),
    ...linear('ffn_norm', 'post_attention_layernorm'),
    ...linear('ffn_up', 'mlp.dense_h_to_4h'),
    ...linear('ffn_down', 'mlp.dense_4h_to_h'),
  ],
  config(fields) {
    const { partial_rotary_factor: share, rope_theta: theta, ...common } = partlyTurned(fields);
    return {
      ...common,
      ...sizes(fields),
      ...layerNorm(fields, 'layer_norm_eps'),
      model_type: 'gpt_neox',
      rotary_pct: share,
      rotary_emb_base: theta,
      hidden_act: 'gelu',
      attention_bias: fields.hasTensor('blk.0.attn_qkv.bias'),
      use_parallel_residual: fields.flag('use_parallel_residual', true),
    };
  },
};

/** Phi 1, 1.5 and 2. */
const phi2: GgufArchitecture = {
  names: ['phi2'],
  layers: 'model.layers',
  once: [
    ...withoutBiases(linear('token_embd', 'model.embed_tokens')),
    ...linear('output_norm', 'model.final_layernorm'),
    ...linear('output', 'lm_head'),
  ],
  ofLayer: [
    ...linear('attn_norm', 'input_layernorm'),
    ...linear('attn_q', 'self_attn.q_proj'),
    ...linear('attn_k', 'self_attn.k_proj'),
    ...linear('attn_v', 'self_attn.v_proj'),
    ...linear('attn_output', 'self_attn.dense'),
    ...linear('ffn_up', 'mlp.fc1'),
    ...linear('ffn_down', 'mlp.fc2'),
  ],
  config: fields => ({
    ...partlyTurned(fields),
    ...layerNorm(fields, 'layer_norm_eps'),
    model_type: 'phi',
    hidden_act: 'gelu_new',
  }),
};

/** The first Falcons, and those of the new design whose halves read one norm. */
const falcon: GgufArchitecture = {
  names: ['falcon'],
  layers: 'transformer.h',
  once: [
    ...withoutBiases([
      ...linear('token_embd', 'transformer.word_embeddings'),
      ...linear('output', 'lm_head'),
    ]),
    ...linear('output_norm', 'transformer.ln_f'),
  ],
  ofLayer: [
    ...linear('attn_norm', 'input_layernorm'),
    ...withoutBiases([
      ...linear('attn_qkv', 'self_attention.query_key_value', { heads: 'all' }),
      ...linear('attn_output', 'self_attention.dense'),
      ...linear('ffn_up', 'mlp.dense_h_to_4h'),
      ...linear('ffn_down', 'mlp.dense_4h_to_h'),
    ]),
  ],
  config(fields) {
    const { num_key_value_heads: kvHeads, ...common } = partlyTurned(fields);
    if (common.partial_rotary_factor !== 1)
      throw fields.file.metadata.unsupported('falcon.rope.dimension_count is not that of a whole head');
    return {
      ...common,
      ...layerNorm(fields, 'layer_norm_epsilon'),
      model_type: 'falcon',
      ffn_hidden_size: innerSize(fields),
      activation: 'gelu',
      bias: false,
      alibi: false,
      parallel_attn: true,
      ...(kvHeads === 1
        ? { multi_query: true, new_decoder_architecture: false }
        : { num_kv_heads: kvHeads, new_decoder_architecture: true, num_ln_in_parallel_attn: 1 }),
    };
  },
};

const bloom: GgufArchitecture = {
  names: ['bloom'],
  layers: 'transformer.h',
  once: [
    ...withoutBiases([
      ...linear('token_embd', 'transformer.word_embeddings'),
      ...linear('output', 'lm_head'),
    ]),
    ...linear('token_embd_norm', 'transformer.word_embeddings_layernorm'),
    ...linear('output_norm', 'transformer.ln_f'),
  ],
  ofLayer: [
    ...linear('attn_norm', 'input_layernorm'),
    ...linear('attn_qkv', 'self_attention.query_key_value', { heads: 'all' }),
    ...linear('attn_output', 'self_attention.dense'),
    ...linear('ffn_norm', 'post_attention_layernorm'),
    ...linear('ffn_up', 'mlp.dense_h_to_4h'),
    ...linear('ffn_down', 'mlp.dense_4h_to_h'),
  ],
  config(fields) {
    requireFourfold(fields);
    const { num_hidden_layers: layers, num_attention_heads: heads, ...common } = sizes(fields);
    return {
      ...common,
      ...layerNorm(fields, 'layer_norm_epsilon'),
      model_type: 'bloom',
      n_layer: layers,
      n_head: heads,
      seq_length: fields.size('context_length'),
    };
  },
};

const mpt: GgufArchitecture = {
  names: ['mpt'],
  layers: 'transformer.blocks',
  once: withoutBiases([
    ...linear('token_embd', 'transformer.wte'),
    ...linear('output_norm', 'transformer.norm_f'),
    ...linear('output', 'lm_head'),
  ]),
  ofLayer: withoutBiases([
    ...linear('attn_norm', 'norm_1'),
    ...linear('attn_qkv', 'attn.Wqkv'),
    ...linear('attn_output', 'attn.out_proj'),
    ...linear('ffn_norm', 'norm_2'),
    ...linear('ffn_up', 'ffn.up_proj'),
    ...linear('ffn_down', 'ffn.down_proj'),
  ]),
  config(fields) {
    requireFourfold(fields);
    const all = sizes(fields);
    const steepest = fields.number('attention.max_alibi_bias');
    if (steepest <= 0) throw fields.file.metadata.unsupported('it has learned positions in place of ALiBi');
    return {
      ...layerNorm(fields, 'layer_norm_epsilon'),
      model_type: 'mpt',
      d_model: all.hidden_size,
      n_layers: all.num_hidden_layers,
      n_heads: all.num_attention_heads,
      max_seq_len: fields.size('context_length'),
      tie_word_embeddings: all.tie_word_embeddings,
      attn_config: {
        alibi: true,
        alibi_bias_max: steepest,
        clip_qkv: fields.has('attention.clamp_kqv') ? fields.number('attention.clamp_kqv') : null,
      },
    };
  },
};

/** The first StarCoder and SantaCoder, with one head of keys and values. */
const starcoder: GgufArchitecture = {
  names: ['starcoder'],
  layers: 'transformer.h',
  once: [
    ...withoutBiases([
      ...linear('token_embd', 'transformer.wte'),
      ...linear('position_embd', 'transformer.wpe'),
      ...linear('output', 'lm_head'),
    ]),
    ...linear('output_norm', 'transformer.ln_f'),
  ],
  ofLayer: [
    ...linear('attn_norm', 'ln_1'),
    ...linear('attn_qkv', 'attn.c_attn'),
    ...linear('attn_output', 'attn.c_proj'),
    ...linear('ffn_norm', 'ln_2'),
    ...linear('ffn_up', 'mlp.c_fc'),
    ...linear('ffn_down', 'mlp.c_proj'),
  ],
  config(fields) {
    fields.requireValue('attention.head_count_kv', 1);
    return {
      ...layerNorm(fields, 'layer_norm_epsilon'),
      model_type: 'gpt_bigcode',
      multi_query: true,
      n_embd: fields.size('embedding_length'),
      n_layer: fields.size('block_count'),
      n_head: fields.size('attention.head_count'),
      n_inner: innerSize(fields),
      n_positions: fields.size('context_length'),
      activation_function: 'gelu_pytorch_tanh',
      tie_word_embeddings: !fields.hasTensor('output.weight'),
    };
  },
};

/** Families whose layers are put together in another way than Llama's. */
export const FAR_FROM_LLAMA: readonly GgufArchitecture[] = [gptNeox, phi2, falcon, bloom, mpt, starcoder];
