import t from 'tap';
import { requireCausal } from '#graph/assembly/attention-direction.js';
import type { DecoderSizes } from '#graph/assembly/decoder-source.js';
import { writeGenerator } from '#graph/assembly/generator.js';
import { isOfUnreadKeys } from '#graph/assembly/shared-keys.js';
import { refuseUnwritten } from '#graph/config-fields/unwritten.js';
import { ModelConfig } from '#graph/config.js';
import { decoderArchitecture } from '#graph/families/index.js';
import { ModelGraph } from '#graph/model-graph.js';
import { NUMBER_FORMATS } from '#graph/precision.js';
import type { Checkpoint } from '#graph/weights/checkpoint.js';
import { ModelWeights } from '#graph/weights/model-weights.js';
import { cacheBytesPerToken, cacheParts, layersOf } from '#model/cache/layer-cache.js';

type Fields = Readonly<Record<string, unknown>>;

/** Has all weights in any shape; nobody reads them. */
const weights = new ModelWeights({
  has: () => true,
  weight: (name: string, shape: readonly number[]) => ({
    name,
    shape,
    load: () => Promise.reject(new Error()),
  }),
} as unknown as Checkpoint);

const SIZES: Fields = {
  hidden_size: 32,
  intermediate_size: 48,
  num_hidden_layers: 6,
  num_attention_heads: 4,
  vocab_size: 61,
  max_position_embeddings: 24,
};

function sizesOf(fields: Fields): DecoderSizes {
  const config = new ModelConfig('config.json', { ...SIZES, ...fields });
  return decoderArchitecture(config).sizes(config);
}

function write(fields: Fields): void {
  const config = new ModelConfig('config.json', { ...SIZES, ...fields });
  const architecture = decoderArchitecture(config);
  requireCausal(config);
  refuseUnwritten(config);
  const graph = new ModelGraph(NUMBER_FORMATS.f32);
  writeGenerator(architecture, { graph, config, weights, sizes: architecture.sizes(config) }, 'slots');
}

const ROPE = {
  full_attention: { rope_type: 'proportional', partial_rotary_factor: 0.25, rope_theta: 1000 },
  sliding_attention: { rope_type: 'default', rope_theta: 50 },
};

t.test(
  'heads by layer, as published files and as files that transformers 5.24 has saved say them',
  async t => {
    const published = {
      model_type: 'gemma4_text',
      head_dim: 16,
      global_head_dim: 32,
      num_key_value_heads: 2,
      num_global_key_value_heads: 1,
    };
    const window = { kvHeads: 2, headSize: 16 };
    for (const [fields, whole] of [
      [
        { ...published, attention_k_eq_v: true },
        { kvHeads: 1, headSize: 32 },
      ],
      [published, { kvHeads: 2, headSize: 32 }],
      [
        { ...published, per_layer_config: { '05': { head_dim: 8, num_key_value_heads: 4 } } },
        { kvHeads: 4, headSize: 8 },
      ],
      [{ ...published, per_layer_config: {} }, window],
      [{ ...published, per_layer_config: null }, window],
    ] as const)
      t.strictSame(sizesOf(fields).layerHeads, [...new Array<typeof window>(5).fill(window), whole]);
    t.strictSame(sizesOf({ model_type: 'gemma4_text' }).layerHeads!.at(-1), { kvHeads: 4, headSize: 512 });
    t.equal(sizesOf({ model_type: 'gemma4_text' }).windows![0], 512);
    t.equal(sizesOf({ model_type: 'gemma4_unified_text' }).windows![0], 1024);
    const windows = sizesOf({
      model_type: 'gemma4_text',
      layer_types: new Array(6).fill('sliding_attention'),
    });
    t.strictSame(windows.windows!.at(-1), undefined, 'the last layer sees all, whatever is said');
  },
);

t.test('layers that read the keys and values of earlier ones have no memory of their own', async t => {
  const sizes = sizesOf({
    model_type: 'gemma4_text',
    num_key_value_heads: 1,
    head_dim: 16,
    global_head_dim: 24,
    layer_types: ['full', 'sliding', 'sliding', 'full', 'sliding', 'full'].map(type => `${type}_attention`),
    num_kv_shared_layers: 3,
  });
  t.strictSame(sizes.keysOf, [undefined, undefined, undefined, 0, 2, 0]);
  const layers = layersOf(sizes);
  t.strictSame(layers, [
    { kind: 'attention', kvHeads: 1, headSize: 32 },
    { kind: 'window', kvHeads: 1, headSize: 16, window: 512 },
    { kind: 'window', kvHeads: 1, headSize: 16, window: 512 },
    { kind: 'shared', layer: 0 },
    { kind: 'shared', layer: 2 },
    { kind: 'shared', layer: 0 },
  ]);
  t.strictSame(
    cacheParts(layers).map(({ past, shared = [] }) => [past, ...shared.map(names => names.past)]),
    [
      ['past.0.key', 'past.3.key', 'past.5.key'],
      ['past.0.value', 'past.3.value', 'past.5.value'],
      ['past.1.key'],
      ['past.1.value'],
      ['past.2.key', 'past.4.key'],
      ['past.2.value', 'past.4.value'],
    ],
  );
  t.equal(cacheBytesPerToken({ layers }), 4 * 2 * (32 + 16 + 16));
  t.ok(isOfUnreadKeys(sizes, 'model.layers.3.self_attn.k_proj.weight'));
  t.ok(isOfUnreadKeys(sizes, 'model.language_model.layers.5.self_attn.v_norm.weight'));
  for (const name of ['2.self_attn.k_proj', '3.self_attn.q_proj', '3.self_attn.o_proj', '3.mlp.up_proj'])
    t.notOk(isOfUnreadKeys(sizes, `model.layers.${name}.weight`), name);
  t.notOk(
    isOfUnreadKeys(
      sizesOf({ model_type: 'gemma2', sliding_window: 8 }),
      'model.layers.5.self_attn.k_proj.weight',
    ),
  );
});

t.test('what is not written is refused, and what cannot be is invalid', async t => {
  const refuses = (code: string, fields: Fields, message: RegExp): unknown =>
    t.throws(() => write(fields), { code, message });
  const gemma4 = { model_type: 'gemma4_text', rope_parameters: ROPE };
  const gemma3n = { model_type: 'gemma3n_text', num_kv_shared_layers: 0 };
  t.doesNotThrow(() => write(gemma4));
  t.doesNotThrow(() => write(gemma3n));
  refuses('unsupported_model', { ...gemma4, enable_moe_block: true }, /enable_moe_block is true/);
  refuses('unsupported_model', { ...gemma4, use_bidirectional_attention: 'audio' }, /known: all, vision/);
  const partial = { rope_type: 'default', rope_theta: 50, partial_rotary_factor: 0.5 };
  const rope_parameters = { ...ROPE, sliding_attention: partial };
  refuses('unsupported_model', { ...gemma4, rope_parameters }, /partial_rotary_factor is 0.5/);
  for (const [per_layer_config, message] of [
    [{ 5: { intermediate_size: 8 } }, /per_layer_config: 5: intermediate_size of one layer/],
    [{ 1: { head_dim: 8 } }, /per_layer_config gives layer 1 other heads/],
  ] as const)
    refuses('unsupported_model', { ...gemma4, per_layer_config }, message);
  for (const [fields, message] of [
    [{ ...gemma4, num_kv_shared_layers: 6 }, /num_kv_shared_layers leaves no layer with a window/],
    [{ ...gemma4, num_kv_shared_layers: 1 }, /leaves no layer without a window whose keys layer 5/],
    [{ ...gemma4, rope_parameters: { rope_theta: 10 } }, /rope_parameters has no full_attention/],
    [{ ...gemma4, num_key_value_heads: 3, per_layer_config: {} }, /no multiple of/],
    [{ ...gemma3n, activation_sparsity_pattern: [0.5] }, /has 1 entries for 6 layers/],
    [{ ...gemma3n, activation_sparsity_pattern: [0, 0, 0, 0, 0, 1] }, /has 1, which is out of range/],
    [{ ...gemma3n, intermediate_size: [8, 8, 8, 8, 8, 0] }, /intermediate_size has 0/],
    [{ ...gemma3n, altup_active_idx: 4 }, /altup_active_idx \(4\) is none of 4/],
  ] as const)
    refuses('invalid_model', fields, message);
});
