import type { Shapes } from './random-tensors.js';

export type EncoderConfig = Readonly<Record<string, unknown>> & { readonly model_type: string };

export type Family = 'bert' | 'roberta' | 'distilbert' | 'mpnet' | 'modernbert';

export type Head =
  'Model' | 'ForSequenceClassification' | 'ForTokenClassification' | 'ForQuestionAnswering' | 'ForMaskedLM';

const LAYERS = 2;
const HIDDEN = 24;
const HEADS = 3;
const INNER = 40;
const VOCABULARY = 61;
const POSITIONS = 40;

const SIZES = {
  num_hidden_layers: LAYERS,
  hidden_size: HIDDEN,
  num_attention_heads: HEADS,
  intermediate_size: INNER,
  vocab_size: VOCABULARY,
};

const PYTHON_NAMES: Readonly<Record<Family, string>> = {
  bert: 'Bert',
  roberta: 'Roberta',
  distilbert: 'DistilBert',
  mpnet: 'MPNet',
  modernbert: 'ModernBert',
};

const CONFIGS: Readonly<Record<Family, Readonly<Record<string, unknown>>>> = {
  bert: {
    ...SIZES,
    hidden_act: 'gelu',
    max_position_embeddings: POSITIONS,
    type_vocab_size: 2,
    layer_norm_eps: 1e-12,
  },
  roberta: {
    ...SIZES,
    hidden_act: 'gelu',
    max_position_embeddings: POSITIONS + 2,
    type_vocab_size: 1,
    layer_norm_eps: 1e-5,
    pad_token_id: 1,
  },
  distilbert: {
    n_layers: LAYERS,
    dim: HIDDEN,
    n_heads: HEADS,
    hidden_dim: INNER,
    vocab_size: VOCABULARY,
    activation: 'gelu',
    max_position_embeddings: POSITIONS,
    sinusoidal_pos_embds: false,
  },
  mpnet: {
    ...SIZES,
    hidden_act: 'gelu',
    max_position_embeddings: POSITIONS + 2,
    layer_norm_eps: 1e-5,
    relative_attention_num_buckets: 32,
    pad_token_id: 1,
  },
  modernbert: {
    ...SIZES,
    num_hidden_layers: 3,
    hidden_activation: 'gelu',
    max_position_embeddings: POSITIONS,
    norm_eps: 1e-5,
    norm_bias: false,
    attention_bias: false,
    mlp_bias: false,
    local_attention: 6,
    global_attn_every_n_layers: 2,
    global_rope_theta: 1000,
    local_rope_theta: 50,
    classifier_pooling: 'cls',
  },
};

/** A tiny model's config.json. */
export function encoderConfig(
  family: Family,
  head: Head = 'Model',
  changes: Readonly<Record<string, unknown>> = {},
): EncoderConfig {
  return {
    model_type: family,
    architectures: [PYTHON_NAMES[family] + head],
    ...CONFIGS[family],
    ...changes,
  };
}

/** Names and shapes of a tiny model's weights, as Hugging Face stores them. */
export function encoderShapes(config: EncoderConfig, head: Head = 'Model', labels = 3): Shapes {
  const shapes: Record<string, readonly number[]> = {};
  const family = config.model_type === 'xlm-roberta' ? 'roberta' : (config.model_type as Family);
  const bodyName = family === 'modernbert' ? 'model.' : `${family}.`;
  const prefix = head === 'Model' ? '' : bodyName;
  const dense = (name: string, rows: number, columns: number, bias = true): void => {
    shapes[`${name}.weight`] = [rows, columns];
    if (bias) shapes[`${name}.bias`] = [rows];
  };
  const norm = (name: string, bias = true): void => {
    shapes[`${name}.weight`] = [HIDDEN];
    if (bias) shapes[`${name}.bias`] = [HIDDEN];
  };
  const words = family === 'modernbert' ? 'tok_embeddings' : 'word_embeddings';
  shapes[`${prefix}embeddings.${words}.weight`] = [VOCABULARY, HIDDEN];
  if (family === 'modernbert') modernBertBody(config, prefix, dense, norm);
  else {
    norm(`${prefix}embeddings.LayerNorm`);
    if (config.sinusoidal_pos_embds !== true)
      shapes[`${prefix}embeddings.position_embeddings.weight`] = [
        config.max_position_embeddings as number,
        HIDDEN,
      ];
    if (config.type_vocab_size !== undefined)
      shapes[`${prefix}embeddings.token_type_embeddings.weight`] = [config.type_vocab_size as number, HIDDEN];
    if (family === 'mpnet') shapes[`${prefix}encoder.relative_attention_bias.weight`] = [32, HEADS];
    for (let layer = 0; layer < LAYERS; layer++) {
      const [square, norms, up, down] = layerNames(family, layer);
      for (const name of square) dense(prefix + name, HIDDEN, HIDDEN);
      for (const name of norms) norm(prefix + name);
      dense(prefix + up, INNER, HIDDEN);
      dense(prefix + down, HIDDEN, INNER);
    }
  }

  const robertaLike = family === 'roberta' || family === 'mpnet';
  switch (head) {
    case 'Model':
      break;
    case 'ForSequenceClassification':
      if (family === 'bert') dense('bert.pooler.dense', HIDDEN, HIDDEN);
      if (family === 'distilbert') dense('pre_classifier', HIDDEN, HIDDEN);
      if (robertaLike) dense('classifier.dense', HIDDEN, HIDDEN);
      dense(robertaLike ? 'classifier.out_proj' : 'classifier', labels, HIDDEN);
      break;
    case 'ForTokenClassification':
      dense('classifier', labels, HIDDEN);
      break;
    case 'ForQuestionAnswering':
      dense(family === 'modernbert' ? 'classifier' : 'qa_outputs', 2, HIDDEN);
      break;
    case 'ForMaskedLM':
      if (family === 'bert') {
        dense('cls.predictions.transform.dense', HIDDEN, HIDDEN);
        norm('cls.predictions.transform.LayerNorm');
        shapes['cls.predictions.bias'] = [VOCABULARY];
      } else if (family === 'distilbert') {
        dense('vocab_transform', HIDDEN, HIDDEN);
        norm('vocab_layer_norm');
        shapes['vocab_projector.bias'] = [VOCABULARY];
      } else if (robertaLike) {
        dense('lm_head.dense', HIDDEN, HIDDEN);
        norm('lm_head.layer_norm');
        shapes['lm_head.bias'] = [VOCABULARY];
      } else shapes['decoder.bias'] = [VOCABULARY];
      break;
  }
  if (family === 'modernbert' && head !== 'Model') {
    dense('head.dense', HIDDEN, HIDDEN, false);
    norm('head.norm', false);
  }
  return shapes;
}

function layerNames(
  family: Family,
  layer: number,
): [square: string[], norms: string[], up: string, down: string] {
  if (family === 'distilbert') {
    const prefix = `transformer.layer.${layer}`;
    return [
      ['q_lin', 'k_lin', 'v_lin', 'out_lin'].map(name => `${prefix}.attention.${name}`),
      [`${prefix}.sa_layer_norm`, `${prefix}.output_layer_norm`],
      `${prefix}.ffn.lin1`,
      `${prefix}.ffn.lin2`,
    ];
  }
  const prefix = `encoder.layer.${layer}`;
  const mpnet = family === 'mpnet';
  const square = mpnet
    ? ['attn.q', 'attn.k', 'attn.v', 'attn.o']
    : ['self.query', 'self.key', 'self.value', 'output.dense'];
  return [
    square.map(name => `${prefix}.attention.${name}`),
    [`${prefix}.attention.${mpnet ? '' : 'output.'}LayerNorm`, `${prefix}.output.LayerNorm`],
    `${prefix}.intermediate.dense`,
    `${prefix}.output.dense`,
  ];
}

function modernBertBody(
  config: EncoderConfig,
  prefix: string,
  dense: (name: string, rows: number, columns: number, bias: boolean) => void,
  norm: (name: string, bias: boolean) => void,
): void {
  const shifted = config.norm_bias === true;
  norm(`${prefix}embeddings.norm`, shifted);
  norm(`${prefix}final_norm`, shifted);
  for (let layer = 0; layer < (config.num_hidden_layers as number); layer++) {
    const name = `${prefix}layers.${layer}`;
    if (layer > 0) norm(`${name}.attn_norm`, shifted);
    norm(`${name}.mlp_norm`, shifted);
    dense(`${name}.attn.Wqkv`, 3 * HIDDEN, HIDDEN, config.attention_bias === true);
    dense(`${name}.attn.Wo`, HIDDEN, HIDDEN, config.attention_bias === true);
    dense(`${name}.mlp.Wi`, 2 * INNER, HIDDEN, config.mlp_bias === true);
    dense(`${name}.mlp.Wo`, HIDDEN, INNER, config.mlp_bias === true);
  }
}
