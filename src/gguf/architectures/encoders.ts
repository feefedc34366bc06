import { linear, withoutBiases } from './common.js';
import type { Fields } from './fields.js';
import type { GgufArchitecture } from './types.js';

/**
 * BERT, and RoBERTa with its descendants: the converter has cut the rows of the position table that no token uses, so
 * that positions count from 0, as BERT's do.
 */
const bert: GgufArchitecture = {
  names: ['bert'],
  layers: 'encoder.layer',
  once: [
    ...linear('token_embd', 'embeddings.word_embeddings'),
    ...linear('token_types', 'embeddings.token_type_embeddings'),
    ...linear('position_embd', 'embeddings.position_embeddings'),
    ...linear('token_embd_norm', 'embeddings.LayerNorm'),
  ],
  ofLayer: [
    ...linear('attn_q', 'attention.self.query'),
    ...linear('attn_k', 'attention.self.key'),
    ...linear('attn_v', 'attention.self.value'),
    ...linear('attn_output', 'attention.output.dense'),
    ...linear('attn_output_norm', 'attention.output.LayerNorm'),
    ...linear('ffn_up', 'intermediate.dense'),
    ...linear('ffn_down', 'output.dense'),
    ...linear('layer_output_norm', 'output.LayerNorm'),
  ],
  config(fields) {
    return {
      ...encoderFields(fields),
      model_type: 'bert',
      architectures: ['BertModel'],
      type_vocab_size: fields.hasTensor('token_types.weight') ? fields.shape('token_types.weight')[0] : 1,
      layer_norm_eps: fields.number('attention.layer_norm_epsilon'),
      hidden_act: 'gelu',
    };
  },
  files: sentenceFiles,
};

/** Fields that descendants of BERT have, too. */
function encoderFields(fields: Fields): Record<string, unknown> {
  fields.requireValue('attention.causal', false);
  const heads = fields.size('attention.head_count');
  fields.requireValue('attention.head_count_kv', heads);
  const hidden = fields.size('embedding_length');
  for (const name of ['attention.key_length', 'attention.value_length'])
    fields.requireValue(name, hidden / heads);
  return {
    hidden_size: hidden,
    num_hidden_layers: fields.size('block_count'),
    num_attention_heads: heads,
    intermediate_size: fields.size('feed_forward_length'),
    max_position_embeddings: fields.size('context_length'),
  };
}

/** Nomic BERT without experts, by its makers' names. */
const nomicBert: GgufArchitecture = {
  names: ['nomic-bert'],
  layers: 'encoder.layers',
  once: [
    ...withoutBiases([
      ...linear('token_embd', 'embeddings.word_embeddings'),
      ...linear('token_types', 'embeddings.token_type_embeddings'),
    ]),
    ...linear('token_embd_norm', 'emb_ln'),
  ],
  ofLayer: [
    ...linear('attn_output_norm', 'norm1'),
    ...linear('layer_output_norm', 'norm2'),
    ...withoutBiases([
      ...linear('attn_qkv', 'attn.Wqkv'),
      ...linear('attn_output', 'attn.out_proj'),
      ...linear('ffn_up', 'mlp.fc11'),
      ...linear('ffn_gate', 'mlp.fc12'),
      ...linear('ffn_down', 'mlp.fc2'),
    ]),
  ],
  config(fields) {
    const common = encoderFields(fields);
    return {
      model_type: 'nomic_bert',
      architectures: ['NomicBertModel'],
      n_embd: common.hidden_size,
      n_layer: common.num_hidden_layers,
      n_head: common.num_attention_heads,
      n_inner: common.intermediate_size,
      n_positions: common.max_position_embeddings,
      type_vocab_size: fields.hasTensor('token_types.weight') ? fields.shape('token_types.weight')[0] : 0,
      layer_norm_epsilon: fields.number('attention.layer_norm_epsilon'),
      activation_function: 'swiglu',
      rotary_emb_base: fields.number('rope.freq_base'),
    };
  },
  files: sentenceFiles,
};

const MODERN_ACTIVATIONS = ['gelu', 'silu'];

const modernBert: GgufArchitecture = {
  names: ['modern-bert'],
  layers: 'layers',
  once: withoutBiases([
    ...linear('token_embd', 'embeddings.tok_embeddings'),
    ...linear('token_embd_norm', 'embeddings.norm'),
    ...linear('output_norm', 'final_norm'),
  ]),
  ofLayer: withoutBiases([
    ...linear('attn_norm', 'attn_norm'),
    ...linear('attn_qkv', 'attn.Wqkv'),
    ...linear('attn_output', 'attn.Wo'),
    ...linear('ffn_norm', 'mlp_norm'),
    ...linear('ffn_up', 'mlp.Wi'),
    ...linear('ffn_down', 'mlp.Wo'),
  ]),
  config(fields) {
    const { metadata } = fields.file;
    const activation = fields.string('hidden_activation', 'gelu');
    if (!MODERN_ACTIVATIONS.includes(activation))
      throw metadata.unsupported(`modern-bert.hidden_activation is '${activation}', which is not read`);
    fields.requireValue('rope.scaling.type', 'none');
    // Both are said of the same epsilon, by older and newer converters.
    const epsilon = ['attention.layer_norm_epsilon', 'attention.layer_norm_rms_epsilon'].find(name =>
      fields.has(name),
    );
    // Of a head for classes, which a file has with its tensors.
    fields.has('classifier.pooling_type');
    return {
      ...encoderFields(fields),
      model_type: 'modernbert',
      architectures: ['ModernBertModel'],
      hidden_activation: activation,
      norm_eps: fields.number(epsilon ?? 'attention.layer_norm_epsilon'),
      global_rope_theta: fields.number('rope.freq_base', 160_000),
      local_rope_theta: fields.number('rope.freq_base_swa', 10_000),
      local_attention: fields.size('attention.sliding_window'),
      global_attn_every_n_layers: fields.size('attention.sliding_window_pattern', 3),
    };
  },
  files: sentenceFiles,
};

/** How vectors of tokens become one of a text, by the numbers of llama.cpp's `pooling_type`. */
const POOLINGS: ReadonlyMap<number, string> = new Map([
  [1, 'mean'],
  [2, 'cls'],
  [3, 'lasttoken'],
]);

/** The modules of sentence-transformers that say how tokens are pooled; none where the file does not say it. */
function sentenceFiles(fields: Fields): ReadonlyMap<string, string> {
  if (!fields.has('pooling_type')) return new Map();
  const { metadata } = fields.file;
  const type = metadata.count(`${fields.architecture}.pooling_type`);
  if (type === 0) return new Map();
  const pooling = POOLINGS.get(type);
  if (pooling === undefined) throw metadata.unsupported(`its pooling_type is ${type}, which is not read`);
  const mode = { word_embedding_dimension: fields.size('embedding_length'), pooling_mode: pooling };
  const modules = ['Transformer', 'Pooling', 'Normalize'].map((kind, idx) => ({
    idx,
    name: String(idx),
    path: idx === 0 ? '' : `${idx}_${kind}`,
    type: `sentence_transformers.models.${kind}`,
  }));
  return new Map([
    ['modules.json', JSON.stringify(modules)],
    ['1_Pooling/config.json', JSON.stringify(mode)],
  ]);
}

export const ENCODERS: readonly GgufArchitecture[] = [bert, nomicBert, modernBert];
