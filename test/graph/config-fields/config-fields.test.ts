import t from 'tap';
import { writeGenerator } from '#graph/assembly/generator.js';
import { encoderHead } from '#graph/assembly/heads/index.js';
import { writeSeq2SeqDecoder } from '#graph/assembly/seq2seq/decoder.js';
import { writeSeq2SeqEncoder } from '#graph/assembly/seq2seq/encoder.js';
import { PackedBatch } from '#graph/blocks/packed-batch.js';
import { fieldWarnings } from '#graph/config-fields/field-warnings.js';
import { harmlessField } from '#graph/config-fields/harmless.js';
import { TRANSFORMERS_FIELDS } from '#graph/config-fields/transformers-fields.js';
import { refuseUnwritten, UNWRITTEN } from '#graph/config-fields/unwritten.js';
import { ModelConfig } from '#graph/config.js';
import {
  decoderArchitecture,
  findArchitecture,
  findSeq2Seq,
  isEncoderType,
  MODEL_TYPES,
} from '#graph/families/index.js';
import { findTowers, findVision, VISION_TYPES } from '#graph/families/vision/index.js';
import { ModelGraph } from '#graph/model-graph.js';
import { NUMBER_FORMATS } from '#graph/precision.js';
import { PLAIN_MODULES } from '#graph/sentence-modules.js';
import { visionGraph } from '#graph/vision-graph.js';
import type { Checkpoint } from '#graph/weights/checkpoint.js';
import { ModelWeights } from '#graph/weights/model-weights.js';

/** Types of which transformers 5.24 has no configuration class; their fields come from their makers' code. */
const NOT_OF_TRANSFORMERS: readonly string[] = [
  'exaone',
  'internlm3',
  'kimi_k2',
  'neobert',
  'new',
  'static-embedding',
];

type Fields = Readonly<Record<string, unknown>>;

/** Has all weights in any shape. Nobody reads them. */
const anything = {
  has: () => true,
  weight: (name: string, shape: readonly number[]) => ({
    name,
    shape,
    load: () => Promise.reject(new Error()),
  }),
  unused: [],
} as unknown as Checkpoint;
const weights = new ModelWeights(anything);

/** Few layers and positions, by all the names that they have. */
const SMALL: Fields = {
  num_hidden_layers: 2,
  n_layer: 2,
  n_layers: 2,
  num_layers: 2,
  num_decoder_layers: 2,
  encoder_layers: 2,
  decoder_layers: 2,
  max_position_embeddings: 64,
  n_positions: 64,
  n_ctx: 64,
  max_window_layers: 1,
};

/** Fields without which a family writes nothing, and for which its configuration class has no value. */
const GIVEN: Readonly<Record<string, Fields>> = {
  esm: { vocab_size: 33, pad_token_id: 1, mask_token_id: 32, position_embedding_type: 'rotary' },
  gemma3n_text: { num_kv_shared_layers: 1 },
  // Its heads do not divide what goes through its layers.
  glm4_moe: { head_dim: 128 },
  // Its configuration class takes num_hidden_layers for another name of it.
  moonshine: { decoder_num_hidden_layers: 2 },
  gpt_neo: { attention_types: [[['global', 'local'], 1]] },
};

/** The defaults of the configuration class, but smaller. */
function defaultsOf(type: string): Fields {
  const reads = TRANSFORMERS_FIELDS[type]?.reads ?? {};
  const small = Object.entries(SMALL).filter(([name]) => name in reads);
  const given = Object.entries(reads).filter(([, value]) => value !== null);
  return { ...Object.fromEntries(given), ...Object.fromEntries(small), ...GIVEN[type], model_type: type };
}

function encodes(config: ModelConfig, task: 'embedding' | 'sequence-classification'): void {
  const architecture = findArchitecture(config)!;
  const head = encoderHead(architecture, config, { task, modules: PLAIN_MODULES, labels: 3 });
  const graph = new ModelGraph(NUMBER_FORMATS.f32);
  const source = {
    graph,
    config,
    sizes: architecture.sizes(config),
    batch: new PackedBatch(graph, head.listed === undefined ? 'all' : 'listed'),
    weights,
    modules: new Map(),
    body: weights,
    embedding: architecture.embedding,
  };
  head.write(source, architecture.hiddenStates(source));
}

function generates(config: ModelConfig): void {
  const architecture = decoderArchitecture(config);
  const graph = new ModelGraph(NUMBER_FORMATS.f32);
  writeGenerator(architecture, { graph, config, weights, sizes: architecture.sizes(config) }, 'slots');
}

function translates(config: ModelConfig): void {
  const architecture = findSeq2Seq(config)!;
  const sizes = architecture.sizes(config, 64);
  for (const write of [writeSeq2SeqEncoder, writeSeq2SeqDecoder])
    write(architecture, { graph: new ModelGraph(NUMBER_FORMATS.f32), config, weights, sizes });
}

const PIXELS = { mean: [0, 0, 0], std: [1, 1, 1], rescale: 1 / 255 };

function sees(config: ModelConfig, labels: number): void {
  const architecture = findVision(config)!;
  const { picture } = architecture.sizes(config);
  const head = labels > 0 ? architecture.classifier(config, labels) : architecture.embedding(config);
  const pictures = { size: picture, normalization: PIXELS as never };
  visionGraph({ architecture, config, head, pictures }, weights, 'f32');
}

/** Types of the text tower of each model with two towers. */
const TEXT_TOWERS: Readonly<Record<string, string>> = {
  clip_text_model: 'clip',
  siglip_text_model: 'siglip',
};

function readsForTower(config: ModelConfig, whole: string): void {
  const towers = findTowers(new ModelConfig('', { model_type: whole }))!;
  const { text } = towers;
  const own = config.withDefaults(text.defaults);
  towers.textProjection(own, own);
  const graph = new ModelGraph(NUMBER_FORMATS.f32);
  text.hiddenStates({
    graph,
    config: own,
    sizes: text.sizes(own),
    batch: new PackedBatch(graph, 'listed'),
    weights,
    modules: new Map(),
    body: weights,
    embedding: 'embeddings.token_embedding.weight',
  });
}

/** Writes all graphs of a family, which asks for all fields that it reads; a refusal ends one. */
function write(config: ModelConfig): void {
  const type = config.modelType;
  const attempts: (() => void)[] = [() => refuseUnwritten(config)];
  if (findVision(config) !== undefined)
    attempts.push(
      () => sees(config, 0),
      () => sees(config, 3),
    );
  else if (type in TEXT_TOWERS) attempts.push(() => readsForTower(config, TEXT_TOWERS[type]!));
  else if (findSeq2Seq(config) !== undefined) attempts.push(() => translates(config));
  else {
    if (!isEncoderType(config)) attempts.push(() => generates(config));
    attempts.push(
      () => encodes(config, 'embedding'),
      () => encodes(config, 'sequence-classification'),
    );
  }
  for (const attempt of attempts)
    try {
      attempt();
    } catch (error) {
      if ((error as { code?: string }).code === undefined) throw new Error(type, { cause: error });
    }
}

/** What makes families ask for fields that others do without. */
const VARIATIONS: readonly Fields[] = [
  { mlp_only_layers: [0] },
  {
    relative_attention: true,
    pos_att_type: ['c2p', 'p2c'],
    max_relative_positions: 8,
    position_buckets: 4,
    norm_rel_ebd: 'layer_norm',
    conv_kernel_size: 3,
  },
  { layer_types: ['sliding_attention', 'full_attention'] },
  { layer_types: ['full_attention', 'full_attention'], position_embedding_type: 'rope' },
  { use_sliding_window: true, sliding_window: 4 },
  { rope_parameters: { rope_type: 'longrope', rope_theta: 100 } },
  { first_k_dense_replace: 1 },
  { topk_method: 'group_limited_greedy', n_group: 2, topk_group: 1, num_experts_per_tok: 2 },
];

/** Fields that a family asks for, whatever the others say. */
function askedBy(type: string): ReadonlySet<string> {
  const asked = new Set<string>();
  const fields = defaultsOf(type);
  const switched = Object.entries(fields).flatMap(([name, value]) =>
    typeof value === 'boolean' ? [{ ...fields, [name]: !value }] : [],
  );
  const others = VARIATIONS.map(variation => ({ ...fields, ...variation }));
  for (const tried of [fields, ...switched, ...others]) write(new ModelConfig(type, tried, asked));
  return asked;
}

function isRefused(name: string, type: string): boolean {
  return UNWRITTEN.some(
    ({ field, of, notOf }) =>
      field === name && (of === undefined || of.includes(type)) && notOf?.includes(type) !== true,
  );
}

const types = [...new Set([...MODEL_TYPES, ...VISION_TYPES, ...Object.keys(TEXT_TOWERS)])].filter(
  type => findTowers(new ModelConfig('', { model_type: type })) === undefined,
);

t.test('each field that transformers reads of a family is read, harmless or refused', async t => {
  for (const type of types) {
    const listed = TRANSFORMERS_FIELDS[type];
    if (NOT_OF_TRANSFORMERS.includes(type)) continue;
    if (listed === undefined) {
      t.fail(`${type} has no list: python test/fixtures/make_config_fields.py ${type}`);
      continue;
    }
    const asked = askedBy(type);
    const undecided = Object.keys(listed.reads).filter(
      name => !asked.has(name) && harmlessField(name, type) === undefined && !isRefused(name, type),
    );
    t.strictSame(undecided, [], type);
  }
});

const llama = (fields: Fields): ModelConfig =>
  new ModelConfig('config.json', { ...defaultsOf('llama'), ...fields });

t.test('a field that nobody knows is named, once a graph is written', async t => {
  const asked = llama({
    qk_clip: 3,
    cross_layer_sharing: true,
    attention_dropout: 0.1,
    use_cache: true,
    odd: null,
  });
  generates(asked);
  t.match(fieldWarnings(asked), [/fields that nobody reads: qk_clip, cross_layer_sharing; if they matter, /]);
  const one = llama({ qk_clip: 3 });
  generates(one);
  t.match(fieldWarnings(one), [/has a field that nobody reads: qk_clip; if it matters, /]);
  const none = llama({
    pretraining_tp: 4,
    rope_interleaved: false,
    transformers_version: '5',
    torch_dtype: 'f',
  });
  generates(none);
  t.strictSame(fieldWarnings(none), []);
  const many = llama(Object.fromEntries(Array.from({ length: 11 }, (_, i) => [`odd_${i}`, i])));
  generates(many);
  t.match(fieldWarnings(many), [/odd_7 and 3 more;/]);
  const switched = llama({ rope_interleaved: true });
  generates(switched);
  t.match(fieldWarnings(switched), [/rope_interleaved/]);
});

t.test('what no graph is written for is refused by its name', async t => {
  const refused = (fields: Fields, message: RegExp): void => {
    t.throws(() => refuseUnwritten(new ModelConfig('config.json', fields)), {
      code: 'unsupported_model',
      message,
    });
  };
  refused({ model_type: 'bert', add_cross_attention: true }, /add_cross_attention is true/);
  refused(
    { model_type: 'llama', per_layer_config: { 1: { hidden_act: 'relu' } } },
    /per_layer_config is {"1"/,
  );
  refused({ model_type: 'gpt2', n_embd: 8, hidden_size: 16 }, /hidden_size is 16 and n_embd is 8/);
  for (const fields of [
    { model_type: 'gpt2', n_embd: 8, hidden_size: 8 },
    { model_type: 'llama', per_layer_config: {}, add_cross_attention: null },
    { model_type: 'llama', hidden_size: 8, n_embd: 3 },
  ])
    t.doesNotThrow(() => refuseUnwritten(new ModelConfig('config.json', fields)));
});

t.test('windows are those of the layers that transformers gives one', async t => {
  const windows = (fields: Fields): readonly (number | undefined)[] | undefined => {
    const config = new ModelConfig('', {
      ...defaultsOf(fields.model_type as string),
      num_hidden_layers: 5,
      ...fields,
    });
    return decoderArchitecture(config).sizes(config).windows;
  };
  const switched = { use_sliding_window: true, sliding_window: 7 };
  const none = undefined;
  // What `layer_types` is with transformers 5.24 where a file leaves it out, or the mask of all layers.
  for (const [fields, expected] of [
    [{ model_type: 'qwen3', ...switched, max_window_layers: 3 }, [none, none, none, 7, 7]],
    [{ model_type: 'qwen2_moe', ...switched, max_window_layers: 3 }, [7, none, 7, none, none]],
    [{ model_type: 'qwen3_moe', ...switched }, [7, 7, 7, 7, 7]],
    [{ model_type: 'smollm3', ...switched, no_rope_layers: [1, 0, 1, 0, 1] }, [none, 7, none, 7, none]],
    [{ model_type: 'smollm3', ...switched, no_rope_layer_interval: 3 }, [none, none, 7, none, none]],
    [{ model_type: 'qwen3_moe', sliding_window: 7 }, [none, none, none, none, none]],
  ] as const)
    t.strictSame(windows(fields), expected, JSON.stringify(fields));
});
