import { linear } from './common.js';
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
    fields.requireValue('attention.causal', false);
    const heads = fields.size('attention.head_count');
    fields.requireValue('attention.head_count_kv', heads);
    return {
      model_type: 'bert',
      architectures: ['BertModel'],
      hidden_size: fields.size('embedding_length'),
      num_hidden_layers: fields.size('block_count'),
      num_attention_heads: heads,
      intermediate_size: fields.size('feed_forward_length'),
      max_position_embeddings: fields.shape('position_embd.weight')[0],
      type_vocab_size: fields.hasTensor('token_types.weight') ? fields.shape('token_types.weight')[0] : 1,
      layer_norm_eps: fields.number('attention.layer_norm_epsilon'),
      hidden_act: 'gelu',
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

export const ENCODERS: readonly GgufArchitecture[] = [bert];
