import {
  layerNormStates,
  linearBias,
  ofGroups,
  type LayerNormDecoder,
  type Side,
} from '#test/reference/layer-norm-decoder.js';
import { head } from '#test/reference/attention.js';
import { ACTIVATIONS, add, geluTanh, row, silu } from '#test/reference/operations.js';
import { plainRope, rotate } from '#test/reference/rope.js';
import type { Shapes } from '#test/support/random-tensors.js';
import { caseModel, SIZES, type CaseModel } from './model.js';

const { vocab_size: vocabulary, rope_theta: theta } = SIZES;
const [gelu, relu] = [ACTIVATIONS.gelu!, ACTIVATIONS.relu!];

/** Sizes of all cases, by the names that most configurations have for them. */
const BASE = {
  hidden_size: 48,
  intermediate_size: 80,
  num_hidden_layers: 2,
  num_attention_heads: 6,
  vocab_size: vocabulary,
  max_position_embeddings: 20,
  rope_theta: theta,
};
const GPT = { n_embd: 48, n_layer: 2, n_head: 6, n_positions: 20, vocab_size: vocabulary, n_inner: 80 };
const SHAPE = { heads: 6, kvHeads: 6, headSize: 8 };

/** What a case's weights are, beside their values. */
interface Weights {
  /** Linear layers of a layer: outputs and inputs. */
  readonly linear: Readonly<Record<string, readonly [number, number]>>;
  /** Those without a bias. */
  readonly unbiased?: RegExp;
  /** Norms without a shift. */
  readonly unshifted?: boolean;
  readonly others?: Shapes;
}

function layerNormCase(
  name: string,
  config: Readonly<Record<string, unknown>>,
  decoder: LayerNormDecoder,
  { linear, unbiased = /^$/, unshifted = false, others = {} }: Weights,
  width = 48,
): CaseModel {
  const shapes: Record<string, readonly number[]> = { [`${decoder.embedding}.weight`]: [vocabulary, width] };
  const norm = (at: string): void => {
    shapes[`${at}.weight`] = [48];
    if (!unshifted) shapes[`${at}.bias`] = [48];
  };
  if (decoder.lastNorm !== undefined) norm(decoder.lastNorm);
  for (let layer = 0; layer < decoder.layers; layer++) {
    for (const weight of decoder.norms) norm(`${decoder.prefix}.${layer}.${weight}`);
    for (const [weight, shape] of Object.entries(linear)) {
      shapes[`${decoder.prefix}.${layer}.${weight}.weight`] = shape;
      if (!unbiased.test(weight)) shapes[`${decoder.prefix}.${layer}.${weight}.bias`] = [shape[0]];
    }
  }
  const states = (fields: object, tensors: CaseModel['tensors'], ids: readonly number[]): number[][] =>
    layerNormStates(fields, tensors, ids, decoder);
  return caseModel(name, config, { ...shapes, ...others }, states, {
    embedding: `${decoder.embedding}.weight`,
  });
}

/** Queries, keys and values by linear layers of their own. */
function separate(within: string) {
  return (side: Side, by: (name: string) => number[]): number[] => by(`${within}.${side[0]}_proj`);
}

function separateShapes(within: string, kv = 48): Weights['linear'] {
  return {
    [`${within}.q_proj`]: [48, 48],
    [`${within}.k_proj`]: [kv, 48],
    [`${within}.v_proj`]: [kv, 48],
  };
}

const HEAD = { 'lm_head.weight': [vocabulary, 48] };
const BIASED_HEAD = { ...HEAD, 'lm_head.bias': [vocabulary] };

/** Turns the first features of a head, halves against each other. */
function turning(features: number) {
  const rope = plainRope(features, theta);
  return (x: number[], position: number): number[] => rotate(x, position, rope);
}

/** Turns neighbours among the first features of a head (Su et al. 2021, equation 34). */
function turningNeighbours(features: number) {
  return (x: number[], position: number): number[] =>
    x.map((value, i) => {
      if (i >= features) return value;
      const angle = position * 10_000 ** (-(i - (i % 2)) / features);
      const other = i % 2 === 0 ? -x[i + 1]! : x[i - 1]!;
      return value * Math.cos(angle) + other * Math.sin(angle);
    });
}

/** A layer's weights by their names in it, in the two layers that all cases have. */
function inLayers(shapes: Shapes): Shapes {
  const layers = [0, 1].map(layer =>
    Object.entries(shapes).map(([name, shape]) => [`model.layers.${layer}.${name}`, shape] as const),
  );
  return Object.fromEntries(layers.flat());
}

function phi(name: string, fields: object, others: Shapes, more: Partial<LayerNormDecoder> = {}): CaseModel {
  return layerNormCase(
    name,
    {
      ...BASE,
      model_type: 'phi',
      num_key_value_heads: 3,
      layer_norm_eps: 1e-3,
      tie_word_embeddings: false,
      ...fields,
    },
    {
      layers: 2,
      epsilon: 1e-3,
      prefix: 'model.layers',
      embedding: 'model.embed_tokens',
      lastNorm: 'model.final_layernorm',
      norms: ['input_layernorm'],
      order: 'parallel',
      output: 'self_attn.dense',
      up: 'mlp.fc1',
      down: 'mlp.fc2',
      activation: geluTanh,
      shape: { ...SHAPE, kvHeads: 3 },
      project: separate('self_attn'),
      attention: { turn: turning(4) },
      ...more,
    },
    {
      linear: {
        ...separateShapes('self_attn', 24),
        'self_attn.dense': [48, 48],
        'mlp.fc1': [80, 48],
        'mlp.fc2': [48, 80],
      },
      others: { ...BIASED_HEAD, ...others },
    },
  );
}

/** Norms that all heads of a side share (Phi). */
const SHARED_NORMS = inLayers({
  'self_attn.q_layernorm.weight': [8],
  'self_attn.q_layernorm.bias': [8],
  'self_attn.k_layernorm.weight': [8],
  'self_attn.k_layernorm.bias': [8],
});

/** A norm for each of six heads of queries and three of keys (StableLM 2 12B). */
const NUMBERED_NORMS = inLayers({
  ...Object.fromEntries(
    Array.from({ length: 6 }, (_, i) => [`self_attn.q_layernorm.norms.${i}.weight`, [8]]),
  ),
  ...Object.fromEntries(
    Array.from({ length: 3 }, (_, i) => [`self_attn.k_layernorm.norms.${i}.weight`, [8]]),
  ),
});

function stablelm(
  name: string,
  fields: object,
  turned: number,
  isParallel: boolean,
  others: Shapes = {},
  more: Partial<LayerNormDecoder> = {},
): CaseModel {
  return layerNormCase(
    name,
    { ...BASE, model_type: 'stablelm', num_key_value_heads: 3, layer_norm_eps: 1e-3, ...fields },
    {
      layers: 2,
      epsilon: 1e-3,
      prefix: 'model.layers',
      embedding: 'model.embed_tokens',
      lastNorm: 'model.norm',
      norms: isParallel ? ['input_layernorm'] : ['input_layernorm', 'post_attention_layernorm'],
      order: isParallel ? 'parallel' : 'pre',
      output: 'self_attn.o_proj',
      up: 'mlp.up_proj',
      down: 'mlp.down_proj',
      gate: 'mlp.gate_proj',
      activation: silu,
      shape: { ...SHAPE, kvHeads: 3 },
      project: separate('self_attn'),
      attention: { turn: turning(turned) },
      ...more,
    },
    {
      linear: {
        ...separateShapes('self_attn', 24),
        'self_attn.o_proj': [48, 48],
        'mlp.up_proj': [80, 48],
        'mlp.gate_proj': [80, 48],
        'mlp.down_proj': [48, 80],
      },
      unbiased: isParallel ? /./ : /mlp|o_proj/,
      others: { ...HEAD, ...others },
    },
  );
}

const NEMOTRON: CaseModel = layerNormCase(
  'nemotron',
  { ...BASE, model_type: 'nemotron', num_key_value_heads: 2, norm_eps: 1e-3, head_dim: 8 },
  {
    layers: 2,
    epsilon: 1e-3,
    offset: 1,
    prefix: 'model.layers',
    embedding: 'model.embed_tokens',
    lastNorm: 'model.norm',
    norms: ['input_layernorm', 'post_attention_layernorm'],
    order: 'pre',
    output: 'self_attn.o_proj',
    up: 'mlp.up_proj',
    down: 'mlp.down_proj',
    activation: x => relu(x) ** 2,
    shape: { ...SHAPE, kvHeads: 2 },
    project: separate('self_attn'),
    attention: { turn: turning(4) },
  },
  {
    linear: {
      ...separateShapes('self_attn', 16),
      'self_attn.o_proj': [48, 48],
      'mlp.up_proj': [80, 48],
      'mlp.down_proj': [48, 80],
    },
    unbiased: /./,
    others: HEAD,
  },
);

/** Queries, keys and values of each head together. */
function fused(name: string, shape: LayerNormDecoder['shape']) {
  return (side: Side, by: (name: string) => number[]): number[] => ofGroups(by(name), side, shape);
}

function neox(name: string, fields: object, turned: number, headSize: number, isParallel = true): CaseModel {
  const heads = 48 / headSize;
  const shape = { heads, kvHeads: heads, headSize };
  return layerNormCase(
    name,
    { ...BASE, model_type: 'gpt_neox', num_attention_heads: heads, layer_norm_eps: 1e-3, ...fields },
    {
      layers: 2,
      epsilon: 1e-3,
      prefix: 'gpt_neox.layers',
      embedding: 'gpt_neox.embed_in',
      lastNorm: 'gpt_neox.final_layer_norm',
      norms: ['input_layernorm', 'post_attention_layernorm'],
      order: isParallel ? 'parallel' : 'pre',
      output: 'attention.dense',
      up: 'mlp.dense_h_to_4h',
      down: 'mlp.dense_4h_to_h',
      activation: gelu,
      shape,
      project: fused('attention.query_key_value', shape),
      attention: { turn: turning(turned) },
    },
    {
      linear: {
        'attention.query_key_value': [144, 48],
        'attention.dense': [48, 48],
        'mlp.dense_h_to_4h': [80, 48],
        'mlp.dense_4h_to_h': [48, 80],
      },
      others: { 'embed_out.weight': [vocabulary, 48] },
    },
  );
}

/** The parts that Falcon and Bloom have from Megatron-LM. */
const MEGATRON = {
  layers: 2,
  epsilon: 1e-5,
  prefix: 'transformer.h',
  embedding: 'transformer.word_embeddings',
  lastNorm: 'transformer.ln_f',
  output: 'self_attention.dense',
  up: 'mlp.dense_h_to_4h',
  down: 'mlp.dense_4h_to_h',
  activation: gelu,
};

function falcon(
  name: string,
  fields: object,
  kvHeads: number,
  changes: Pick<LayerNormDecoder, 'norms' | 'order' | 'attention'>,
  isBiased: boolean,
): CaseModel {
  const shape = { ...SHAPE, kvHeads };
  return layerNormCase(
    name,
    { ...BASE, model_type: 'falcon', ffn_hidden_size: 80, bias: isBiased, ...fields },
    { ...MEGATRON, ...changes, shape, project: fused('self_attention.query_key_value', shape) },
    {
      linear: {
        'self_attention.query_key_value': [48 + 16 * kvHeads, 48],
        'self_attention.dense': [48, 48],
        'mlp.dense_h_to_4h': [80, 48],
        'mlp.dense_4h_to_h': [48, 80],
      },
      unbiased: isBiased ? /^$/ : /./,
    },
  );
}

/** Slopes of six heads: those of four, and the first and third of eight (Press et al. 2022). */
const SLOPES = [1 / 4, 1 / 16, 1 / 64, 1 / 256, 1 / 2, 1 / 8];

const BLOOM: CaseModel = layerNormCase(
  'bloom',
  {
    ...BASE,
    hidden_size: undefined,
    num_hidden_layers: undefined,
    num_attention_heads: undefined,
    max_position_embeddings: undefined,
    seq_length: 20,
    n_embed: 48,
    n_layer: 2,
    n_head: 6,
    model_type: 'bloom',
  },
  {
    ...MEGATRON,
    activation: geluTanh,
    norms: ['input_layernorm', 'post_attention_layernorm'],
    order: 'pre',
    shape: SHAPE,
    project: fused('self_attention.query_key_value', SHAPE),
    attention: { bias: linearBias(SLOPES) },
    embed: (model, embedded) => model.norm(embedded, 'transformer.word_embeddings_layernorm'),
  },
  {
    linear: {
      'self_attention.query_key_value': [144, 48],
      'self_attention.dense': [48, 48],
      'mlp.dense_h_to_4h': [192, 48],
      'mlp.dense_4h_to_h': [48, 192],
    },
    others: {
      'transformer.word_embeddings_layernorm.weight': [48],
      'transformer.word_embeddings_layernorm.bias': [48],
    },
  },
);

/** Of eight slopes from 2^-2 to 2^-16 the second, fourth, ..., then the first and third (MosaicML 2023). */
const MPT_SLOPES = [2 ** -4, 2 ** -8, 2 ** -12, 2 ** -16, 2 ** -2, 2 ** -6];

const MPT: CaseModel = layerNormCase(
  'mpt, clipped, with slopes to 2^-16',
  {
    model_type: 'mpt',
    d_model: 48,
    n_heads: 6,
    n_layers: 2,
    max_seq_len: 20,
    vocab_size: vocabulary,
    attn_config: { alibi: true, alibi_bias_max: 16, clip_qkv: 0.7, softmax_scale: 0.5 },
  },
  {
    layers: 2,
    epsilon: 1e-5,
    prefix: 'transformer.blocks',
    embedding: 'transformer.wte',
    lastNorm: 'transformer.norm_f',
    norms: ['norm_1', 'norm_2'],
    order: 'pre',
    output: 'attn.out_proj',
    up: 'ffn.up_proj',
    down: 'ffn.down_proj',
    activation: gelu,
    shape: SHAPE,
    project: (side, by) =>
      head(by('attn.Wqkv'), ['query', 'key', 'value'].indexOf(side), 48).map(x =>
        Math.min(0.7, Math.max(-0.7, x)),
      ),
    attention: { bias: linearBias(MPT_SLOPES), scale: 0.5 },
  },
  {
    linear: {
      'attn.Wqkv': [144, 48],
      'attn.out_proj': [48, 48],
      'ffn.up_proj': [192, 48],
      'ffn.down_proj': [48, 192],
    },
    unbiased: /./,
    unshifted: true,
  },
);

function opt(name: string, fields: object, changes: Partial<LayerNormDecoder>, width = 48): CaseModel {
  const decoder: LayerNormDecoder = {
    layers: 2,
    epsilon: 1e-5,
    prefix: 'model.decoder.layers',
    embedding: 'model.decoder.embed_tokens',
    lastNorm: 'model.decoder.final_layer_norm',
    norms: ['self_attn_layer_norm', 'final_layer_norm'],
    order: 'pre',
    output: 'self_attn.out_proj',
    up: 'fc1',
    down: 'fc2',
    activation: relu,
    shape: SHAPE,
    project: separate('self_attn'),
    ...changes,
    embed: (model, embedded, position) => {
      const wide = width === 48 ? embedded : model.linear(embedded, 'model.decoder.project_in');
      return add(wide, row(model.tensors['model.decoder.embed_positions.weight']!, position + 2));
    },
    ...(width !== 48 && {
      last: (model, x) => model.linear(x, 'model.decoder.project_out'),
    }),
  };
  return layerNormCase(
    name,
    { ...BASE, model_type: 'opt', ffn_dim: 80, word_embed_proj_dim: width, ...fields },
    decoder,
    {
      linear: {
        ...separateShapes('self_attn'),
        'self_attn.out_proj': [48, 48],
        fc1: [80, 48],
        fc2: [48, 80],
      },
      others: {
        'model.decoder.embed_positions.weight': [22, 48],
        ...(width !== 48 && {
          'model.decoder.project_in.weight': [48, width],
          'model.decoder.project_out.weight': [width, 48],
        }),
      },
    },
    width,
  );
}

/** What GPT-2's descendants share. */
const GPT_NAMES = {
  layers: 2,
  epsilon: 1e-5,
  prefix: 'transformer.h',
  embedding: 'transformer.wte',
  lastNorm: 'transformer.ln_f',
  activation: geluTanh,
};

function withPositions(model: { tensors: CaseModel['tensors'] }, x: number[], position: number): number[] {
  return add(x, row(model.tensors['transformer.wpe.weight']!, position));
}

function gptj(
  name: string,
  headSize: number,
  turned: number,
  project: LayerNormDecoder['project'],
  linear: Weights['linear'],
): CaseModel {
  const heads = 48 / headSize;
  return layerNormCase(
    name,
    { ...GPT, n_head: heads, model_type: name, rotary_dim: turned, tie_word_embeddings: false },
    {
      ...GPT_NAMES,
      norms: ['ln_1'],
      order: 'parallel',
      output: 'attn.out_proj',
      up: 'mlp.fc_in',
      down: 'mlp.fc_out',
      shape: { heads, kvHeads: heads, headSize },
      project,
      attention: { turn: turningNeighbours(turned) },
    },
    {
      linear: { ...linear, 'attn.out_proj': [48, 48], 'mlp.fc_in': [80, 48], 'mlp.fc_out': [48, 80] },
      unbiased: /^attn/,
      others: BIASED_HEAD,
    },
  );
}

/** CodeGen's four shards have twelve queries, then twelve values, then twelve keys each. */
function ofShards(side: Side, by: (name: string) => number[]): number[] {
  const place = { query: 0, value: 1, key: 2 }[side];
  const all = by('attn.qkv_proj');
  return [0, 1, 2, 3].flatMap(shard => head(head(all, shard, 36), place, 12));
}

function bigcode(name: string, fields: object, kvHeads: number): CaseModel {
  const shape = { ...SHAPE, kvHeads };
  return layerNormCase(
    name,
    { ...GPT, model_type: 'gpt_bigcode', ...fields },
    {
      ...GPT_NAMES,
      norms: ['ln_1', 'ln_2'],
      order: 'pre',
      output: 'attn.c_proj',
      up: 'mlp.c_fc',
      down: 'mlp.c_proj',
      shape,
      project: fused('attn.c_attn', shape),
      embed: withPositions,
    },
    {
      linear: {
        'attn.c_attn': [48 + 16 * kvHeads, 48],
        'attn.c_proj': [48, 48],
        'mlp.c_fc': [80, 48],
        'mlp.c_proj': [48, 80],
      },
      others: { 'transformer.wpe.weight': [20, 48] },
    },
  );
}

const GPT_NEO: CaseModel = layerNormCase(
  'gpt_neo, every other layer with a window of 6',
  {
    model_type: 'gpt_neo',
    hidden_size: 48,
    num_layers: 2,
    num_heads: 6,
    intermediate_size: 80,
    vocab_size: vocabulary,
    max_position_embeddings: 20,
    attention_types: [[['global', 'local'], 1]],
    window_size: 6,
  },
  {
    ...GPT_NAMES,
    norms: ['ln_1', 'ln_2'],
    order: 'pre',
    output: 'attn.attention.out_proj',
    up: 'mlp.c_fc',
    down: 'mlp.c_proj',
    shape: SHAPE,
    project: separate('attn.attention'),
    attention: { scale: 1 },
    window: layer => (layer === 1 ? 6 : undefined),
    embed: withPositions,
  },
  {
    linear: {
      ...separateShapes('attn.attention'),
      'attn.attention.out_proj': [48, 48],
      'mlp.c_fc': [80, 48],
      'mlp.c_proj': [48, 80],
    },
    unbiased: /\.[qkv]_proj$/,
    others: { 'transformer.wpe.weight': [20, 48] },
  },
);

/** A tiny model of each family of decoders with layer norms. */
export const LAYER_NORM_MODELS: readonly CaseModel[] = [
  phi('phi, half of a head turned', {}, {}),
  phi('phi, layer norms of heads', { qk_layernorm: true }, SHARED_NORMS, {
    headNorm: (model, within, side, x) => model.norm(x, `${within}.${side[0]}_layernorm`),
  }),
  stablelm(
    'stablelm, a layer norm for each head',
    { qk_layernorm: true, use_parallel_residual: true },
    2,
    true,
    NUMBERED_NORMS,
    { headNorm: (model, within, side, x, i) => model.norm(x, `${within}.${side[0]}_layernorm.norms.${i}`) },
  ),
  stablelm('stablelm, biased inputs', { use_qkv_bias: true }, 2, false),
  stablelm(
    'stablelm, halves side by side',
    { use_parallel_residual: true, partial_rotary_factor: 0.5 },
    4,
    true,
  ),
  NEMOTRON,
  neox(
    'gpt_neox, older names, 20 features of 48 turned',
    { rotary_pct: 0.42, rotary_emb_base: theta },
    20,
    48,
  ),
  neox(
    'gpt_neox, one half behind the other',
    { rotary_pct: 0.25, use_parallel_residual: false },
    2,
    8,
    false,
  ),
  falcon(
    'falcon',
    {},
    1,
    { norms: ['input_layernorm'], order: 'parallel', attention: { turn: turning(8) } },
    false,
  ),
  falcon(
    'falcon, new architecture',
    { new_decoder_architecture: true, num_kv_heads: 3 },
    3,
    { norms: ['ln_attn', 'ln_mlp'], order: 'parallel', attention: { turn: turning(8) } },
    true,
  ),
  falcon(
    'falcon, ALiBi',
    { alibi: true, multi_query: false, parallel_attn: false },
    6,
    {
      norms: ['input_layernorm', 'post_attention_layernorm'],
      order: 'pre',
      attention: { bias: linearBias(SLOPES.map(slope => slope / Math.sqrt(8))) },
    },
    true,
  ),
  BLOOM,
  MPT,
  opt('opt', {}, {}),
  opt(
    'opt, norms behind the halves, narrow embeddings',
    { do_layer_norm_before: false },
    { order: 'post', lastNorm: undefined },
    32,
  ),
  gptj('gptj', 8, 6, separate('attn'), separateShapes('attn')),
  gptj('codegen', 12, 4, ofShards, { 'attn.qkv_proj': [144, 48] }),
  bigcode('gpt_bigcode', {}, 1),
  bigcode('gpt_bigcode, multi-head', { multi_query: false }, 6),
  GPT_NEO,
];
