import { seq2seqReference, type Seq2SeqReference } from '#test/reference/seq2seq.js';
import { randomTensors, type Shapes } from '#test/support/random-tensors.js';
import type { TestTensors } from '#test/support/safetensors.js';

/** A tiny encoder-decoder with random weights, and the formulas that it must agree with. */
export interface Seq2SeqCase {
  readonly name: string;
  readonly config: Readonly<Record<string, unknown>>;
  readonly tensors: TestTensors;
  readonly reference: Seq2SeqReference;
}

type Config = Readonly<Record<string, number | string | boolean>>;

/** Longest source and target. */
const LONGEST = 22;
const VOCABULARY = 61;
/** Of a window of sound. */
const POSITIONS = 19;

/** Stacks of different depth and width, whose heads of 12 and 18 the graphs must pad. */
const BART = {
  d_model: 36,
  encoder_layers: 2,
  decoder_layers: 3,
  encoder_attention_heads: 3,
  decoder_attention_heads: 2,
  encoder_ffn_dim: 52,
  decoder_ffn_dim: 44,
  vocab_size: VOCABULARY,
  max_position_embeddings: LONGEST,
  activation_function: 'gelu',
  pad_token_id: 1,
  eos_token_id: 2,
  decoder_start_token_id: 2,
  is_encoder_decoder: true,
};

/** Heads that are together wider than the hidden size. */
const T5 = {
  d_model: 28,
  d_kv: 10,
  d_ff: 44,
  num_heads: 3,
  num_layers: 2,
  num_decoder_layers: 3,
  vocab_size: VOCABULARY,
  // Beyond the 16 distances that have a bucket each.
  n_positions: 40,
  relative_attention_num_buckets: 32,
  relative_attention_max_distance: 128,
  layer_norm_epsilon: 1e-6,
  feed_forward_proj: 'relu',
  pad_token_id: 0,
  eos_token_id: 1,
  decoder_start_token_id: 0,
  is_encoder_decoder: true,
};

function bart(name: string, model_type: string, changes: Config = {}): Seq2SeqCase {
  return caseOf(name, { ...BART, model_type, ...changes }, bartShapes);
}

function t5(name: string, model_type: string, changes: Config = {}): Seq2SeqCase {
  return caseOf(name, { ...T5, model_type, ...changes }, t5Shapes);
}

function caseOf(name: string, config: Config, shapes: (config: Config) => Shapes): Seq2SeqCase {
  const tensors = randomTensors(shapes(config));
  return { name, config, tensors, reference: seq2seqReference(config, tensors) };
}

/** Rows before the first of learned positions. */
const UNUSED_ROWS: Readonly<Record<string, number>> = {
  whisper: 0,
  bart: 2,
  mbart: 2,
  blenderbot: 0,
  'blenderbot-small': 0,
};

function bartShapes(config: Config): Shapes {
  const type = config.model_type as string;
  const hidden = config.d_model as number;
  const isShared = config.share_encoder_decoder_embeddings !== false;
  const isTied = config.tie_word_embeddings !== false;
  const target = isShared ? VOCABULARY : (config.decoder_vocab_size as number);
  const shapes: Record<string, readonly number[]> = {};
  const dense = (name: string, rows: number, columns: number): void => {
    shapes[`${name}.weight`] = [rows, columns];
    shapes[`${name}.bias`] = [rows];
  };
  const norm = (name: string): void => {
    shapes[`${name}.weight`] = [hidden];
    shapes[`${name}.bias`] = [hidden];
  };
  const hears = type === 'whisper';
  if (hears) {
    const bins = config.num_mel_bins as number;
    shapes['model.encoder.conv1.weight'] = [hidden, bins, 3];
    shapes['model.encoder.conv2.weight'] = [hidden, hidden, 3];
    for (const name of ['conv1', 'conv2']) shapes[`model.encoder.${name}.bias`] = [hidden];
    shapes['model.decoder.embed_tokens.weight'] = [VOCABULARY, hidden];
  } else if (isShared) shapes['model.shared.weight'] = [VOCABULARY, hidden];
  if (type !== 'm2m_100' && !hears) shapes.final_logits_bias = [1, target];
  if (!isTied) shapes['lm_head.weight'] = [target, hidden];
  for (const side of ['encoder', 'decoder'] as const) {
    const prefix = `model.${side}`;
    if (!isShared)
      shapes[`${prefix}.embed_tokens.weight`] = [side === 'encoder' ? VOCABULARY : target, hidden];
    const unused = UNUSED_ROWS[type];
    const rows = hears && side === 'encoder' ? POSITIONS : LONGEST;
    if (unused !== undefined) shapes[`${prefix}.embed_positions.weight`] = [rows + unused, hidden];
    if (['bart', 'mbart', 'blenderbot-small'].includes(type)) norm(`${prefix}.layernorm_embedding`);
    if (!['bart', 'marian', 'blenderbot-small'].includes(type)) norm(`${prefix}.layer_norm`);
    for (let i = 0; i < (config[`${side}_layers`] as number); i++) {
      const layer = `${prefix}.layers.${i}`;
      for (const name of side === 'encoder' ? ['self_attn'] : ['self_attn', 'encoder_attn']) {
        for (const part of ['q_proj', 'k_proj', 'v_proj', 'out_proj'])
          dense(`${layer}.${name}.${part}`, hidden, hidden);
        if (hears) delete shapes[`${layer}.${name}.k_proj.bias`];
        norm(`${layer}.${name}_layer_norm`);
      }
      const inner = config[`${side}_ffn_dim`] as number;
      dense(`${layer}.fc1`, inner, hidden);
      dense(`${layer}.fc2`, hidden, inner);
      norm(`${layer}.final_layer_norm`);
    }
  }
  return shapes;
}

function t5Shapes(config: Config): Shapes {
  const hidden = config.d_model as number;
  const inner = config.d_ff as number;
  const heads = config.num_heads as number;
  const width = heads * (config.d_kv as number);
  const isGated = (config.feed_forward_proj as string).startsWith('gated-');
  const shapes: Record<string, readonly number[]> = { 'shared.weight': [VOCABULARY, hidden] };
  if (config.tie_word_embeddings === false) shapes['lm_head.weight'] = [VOCABULARY, hidden];
  for (const side of ['encoder', 'decoder'] as const) {
    shapes[`${side}.final_layer_norm.weight`] = [hidden];
    for (let i = 0; i < (config[side === 'encoder' ? 'num_layers' : 'num_decoder_layers'] as number); i++) {
      const sublayers = side === 'encoder' ? ['SelfAttention'] : ['SelfAttention', 'EncDecAttention'];
      sublayers.forEach((name, index) => {
        const layer = `${side}.block.${i}.layer.${index}`;
        for (const part of ['q', 'k', 'v']) shapes[`${layer}.${name}.${part}.weight`] = [width, hidden];
        shapes[`${layer}.${name}.o.weight`] = [hidden, width];
        shapes[`${layer}.layer_norm.weight`] = [hidden];
      });
      const last = `${side}.block.${i}.layer.${sublayers.length}`;
      for (const name of isGated ? ['wi_0', 'wi_1'] : ['wi'])
        shapes[`${last}.DenseReluDense.${name}.weight`] = [inner, hidden];
      shapes[`${last}.DenseReluDense.wo.weight`] = [hidden, inner];
      shapes[`${last}.layer_norm.weight`] = [hidden];
      if (i === 0 || config.model_type === 'umt5')
        shapes[`${side}.block.${i}.layer.0.SelfAttention.relative_attention_bias.weight`] = [
          config.relative_attention_num_buckets as number,
          heads,
        ];
    }
  }
  return shapes;
}

/** A tiny model of every family of encoder-decoders, and more where one has variants. */
export const SEQ2SEQ_MODELS: readonly Seq2SeqCase[] = [
  bart('bart', 'bart'),
  bart('bart, scaled embeddings, a projection of its own, relu', 'bart', {
    scale_embedding: true,
    tie_word_embeddings: false,
    activation_function: 'relu',
  }),
  bart('mbart', 'mbart', { scale_embedding: true }),
  bart('blenderbot', 'blenderbot', { scale_embedding: true }),
  bart('blenderbot-small', 'blenderbot-small', { scale_embedding: true }),
  bart('marian', 'marian', { scale_embedding: true, activation_function: 'swish' }),
  bart('marian, a vocabulary for each side', 'marian', {
    activation_function: 'swish',
    share_encoder_decoder_embeddings: false,
    decoder_vocab_size: 53,
  }),
  bart('pegasus', 'pegasus', { activation_function: 'relu', scale_embedding: true }),
  bart('m2m_100', 'm2m_100', { activation_function: 'relu', scale_embedding: true }),
  bart('whisper', 'whisper', {
    num_mel_bins: 7,
    max_source_positions: POSITIONS,
    max_target_positions: LONGEST,
  }),
  t5('t5', 't5'),
  t5('t5 1.1', 't5', {
    feed_forward_proj: 'gated-gelu',
    tie_word_embeddings: false,
    relative_attention_num_buckets: 8,
    relative_attention_max_distance: 20,
  }),
  t5('mt5', 'mt5', { feed_forward_proj: 'gated-gelu', tie_word_embeddings: false }),
  t5('umt5, a table of positions for each layer', 'umt5', { feed_forward_proj: 'gated-gelu' }),
];
