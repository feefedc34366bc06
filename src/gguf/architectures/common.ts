import type { Fields } from './fields.js';
import type { TensorRule } from './types.js';

/** The fields of config.json that all decoders of Llama's kind have. */
export function decoderFields(fields: Fields): Record<string, unknown> {
  const heads = fields.size('attention.head_count');
  const hidden = fields.size('embedding_length');
  const headSize = fields.size('attention.key_length', hidden / heads);
  fields.requireValue('attention.value_length', headSize);
  fields.requireValue('attention.causal', true);
  fields.requireValue('pooling_type', 0);
  return {
    hidden_size: hidden,
    num_hidden_layers: fields.size('block_count'),
    intermediate_size: fields.size('feed_forward_length'),
    num_attention_heads: heads,
    num_key_value_heads: fields.size('attention.head_count_kv', heads),
    head_dim: headSize,
    max_position_embeddings: fields.size('context_length'),
    tie_word_embeddings: !fields.hasTensor('output.weight'),
    hidden_act: 'silu',
    ...ropeFields(fields, headSize),
  };
}

/** `rms_norm_eps`, as most call it. */
export function rmsNorm(fields: Fields): Record<string, unknown> {
  return { rms_norm_eps: fields.number('attention.layer_norm_rms_epsilon') };
}

/** Rotary positions: `rope_theta`, `partial_rotary_factor` and `rope_scaling`. */
function ropeFields(fields: Fields, headSize: number): Record<string, unknown> {
  const turned = fields.size('rope.dimension_count', headSize);
  return {
    rope_theta: fields.number('rope.freq_base', 10_000),
    ...(turned !== headSize && { partial_rotary_factor: turned / headSize }),
    ...ropeScaling(fields),
  };
}

const LINEAR_FIELDS = ['rope.scaling.factor', 'rope.scale_linear'];

function ropeScaling(fields: Fields): Record<string, unknown> {
  const factors = fields.vector('rope_freqs.weight');
  const type = fields.string('rope.scaling.type', factors === undefined ? impliedType(fields) : 'none');
  const original = fields.has('rope.scaling.original_context_length')
    ? { original_max_position_embeddings: fields.size('rope.scaling.original_context_length') }
    : {};
  if (factors !== undefined) {
    if (type !== 'none' && type !== 'linear')
      throw fields.file.metadata.unsupported(`rope.scaling.type is '${type}' beside rope_freqs.weight`);
    const stretch = type === 'linear' ? fields.number('rope.scaling.factor', 1) : 1;
    const all = factors.map(factor => factor * stretch);
    return scaling({
      ...original,
      rope_type: 'longrope',
      short_factor: all,
      long_factor: all,
      attention_factor: 1,
    });
  }
  switch (type) {
    case 'none':
      return {};
    case 'linear': {
      const name = LINEAR_FIELDS.find(field => fields.has(field));
      const factor = name === undefined ? 1 : fields.number(name);
      return factor === 1 || factor === 0 ? {} : scaling({ rope_type: 'linear', factor });
    }
    case 'yarn':
      return scaling({ ...original, ...yarnFields(fields) });
    case 'longrope':
      return longRope(fields, original);
    default:
      throw fields.file.metadata.unsupported(`rope.scaling.type is '${type}', which is not read`);
  }
}

/** Older files have factors without a type. */
function impliedType(fields: Fields): string {
  if (fields.vector('rope_factors_long.weight') !== undefined) return 'longrope';
  return LINEAR_FIELDS.some(field => fields.has(field)) ? 'linear' : 'none';
}

function yarnFields(fields: Fields): Record<string, unknown> {
  const factor = fields.number('rope.scaling.factor');
  fields.requireValue('rope.scaling.yarn_ext_factor', 1);
  fields.requireValue('rope.scaling.yarn_log_multiplier', 0);
  const usual = (1 + 0.1 * Math.log(factor)) * fields.number('rope.scaling.attn_factor', 1);
  return {
    rope_type: 'yarn',
    factor,
    attention_factor: fields.number('rope.scaling.yarn_attn_factor', usual),
    beta_fast: fields.number('rope.scaling.yarn_beta_fast', 32),
    beta_slow: fields.number('rope.scaling.yarn_beta_slow', 1),
  };
}

function longRope(fields: Fields, original: Record<string, unknown>): Record<string, unknown> {
  const [long, short] = ['long', 'short'].map(name => fields.vector(`rope_factors_${name}.weight`));
  if (long === undefined || short === undefined) return {};
  return scaling({
    ...original,
    rope_type: 'longrope',
    long_factor: long,
    short_factor: short,
    attention_factor: fields.number('rope.scaling.attn_factor', 1),
  });
}

function scaling(section: Record<string, unknown>): Record<string, unknown> {
  return { rope_scaling: section };
}

/** A matrix, and its bias where it has one. */
export function linear(from: string, to: string, more: Partial<TensorRule> = {}): TensorRule[] {
  return [
    { from: `${from}.weight`, to: `${to}.weight`, ...more },
    { from: `${from}.bias`, to: `${to}.bias`, ...more, isTransposed: undefined },
  ];
}

/** Embeddings, the last norm and the head. */
export function ends(added?: number): TensorRule[] {
  return [
    ...linear('token_embd', 'model.embed_tokens'),
    ...linear('output_norm', 'model.norm', { added }),
    ...linear('output', 'lm_head'),
  ];
}

/** @param isPaired whether llama.cpp wants rows of heads in pairs, see `TensorSource.pairedHeads`. */
export function attention(isPaired: boolean): TensorRule[] {
  const heads = (which: 'queries' | 'keys'): Partial<TensorRule> => (isPaired ? { heads: which } : {});
  return [
    ...linear('attn_q', 'self_attn.q_proj', heads('queries')),
    ...linear('attn_k', 'self_attn.k_proj', heads('keys')),
    ...linear('attn_v', 'self_attn.v_proj'),
    ...linear('attn_output', 'self_attn.o_proj'),
  ];
}

export const GATED_MLP: readonly TensorRule[] = [
  ...linear('ffn_gate', 'mlp.gate_proj'),
  ...linear('ffn_up', 'mlp.up_proj'),
  ...linear('ffn_down', 'mlp.down_proj'),
];

/** Norms before attention and before the feed-forward half. */
export const PRE_NORMS: readonly TensorRule[] = [
  ...linear('attn_norm', 'input_layernorm'),
  ...linear('ffn_norm', 'post_attention_layernorm'),
];

/** Norms of queries and keys. */
export function headNorms(added?: number): TensorRule[] {
  return [
    ...linear('attn_q_norm', 'self_attn.q_norm', { added }),
    ...linear('attn_k_norm', 'self_attn.k_norm', { added }),
  ];
}

/** Rules without those of biases: a file that has some is refused, since nobody would read them. */
export function withoutBiases(rules: readonly TensorRule[]): TensorRule[] {
  return rules.filter(({ from }) => !from.endsWith('.bias'));
}

/** The field of a layer norm's epsilon, for families that have no other norm: some files say that of one, too. */
export function layerNorm(fields: Fields, name: string): Record<string, unknown> {
  fields.has('attention.layer_norm_rms_epsilon');
  return { [name]: fields.number('attention.layer_norm_epsilon') };
}

/** {@link decoderFields} of a family that turns a part of each head where config.json says nothing. */
export function partlyTurned(fields: Fields): Record<string, unknown> {
  return { partial_rotary_factor: 1, ...decoderFields(fields) };
}

/**
 * Windows: `sliding_window`, and which layers have one.
 *
 * @param pattern the last of each so many layers has none, where the file does not say which.
 */
export function windows(fields: Fields, pattern: number, window?: number): Record<string, unknown> {
  const name = 'attention.sliding_window_pattern';
  const layers = fields.size('block_count');
  const isList = typeof fields.file.metadata.get(`${fields.architecture}.${name}`) === 'object';
  const narrow = isList ? fields.flags(name) : undefined;
  if (narrow !== undefined && narrow.length !== layers)
    throw fields.file.metadata.invalid(`${name} has ${narrow.length} entries for ${layers} layers`);
  const every = isList ? pattern : fields.size(name, pattern);
  return {
    sliding_window: fields.size('attention.sliding_window', window),
    layer_types: Array.from({ length: layers }, (_, layer) =>
      (narrow?.[layer] ?? (layer + 1) % every !== 0) ? 'sliding_attention' : 'full_attention',
    ),
  };
}
