import t from 'tap';
import { writeGenerator } from '#graph/assembly/generator.js';
import { refuseUnwritten } from '#graph/config-fields/unwritten.js';
import { ModelConfig } from '#graph/config.js';
import { decoderArchitecture, encoderArchitecture } from '#graph/families/index.js';
import { ModelGraph } from '#graph/model-graph.js';
import { NUMBER_FORMATS } from '#graph/precision.js';
import { refuseQuantized } from '#graph/quantized-checkpoint.js';
import type { Checkpoint } from '#graph/weights/checkpoint.js';
import { ModelWeights } from '#graph/weights/model-weights.js';

/** Has all weights in any shape; nobody reads them. */
const anyWeights = new ModelWeights({
  has: () => true,
  weight: (name: string, shape: readonly number[]) => ({
    name,
    shape,
    load: () => Promise.reject(new Error()),
  }),
} as unknown as Checkpoint);

const config = (fields: Readonly<Record<string, unknown>>) => new ModelConfig('config.json', fields);

t.test('types that are not known are named, without a guess', async t => {
  const refused = {
    code: 'unsupported_model',
    message: /model_type 'olmo9' is not supported\. Supported are .*llama/,
  };
  t.throws(() => decoderArchitecture(config({ model_type: 'olmo9' })), refused);
  t.throws(() => encoderArchitecture(config({ model_type: 'olmo9' })), refused);
  t.throws(() => decoderArchitecture(config({ model_type: 'x', auto_map: { AutoModel: 'modeling.X' } })), {
    message: /vendor's own \(auto_map\), which is not run/,
  });
});

t.test('a known type of another kind', async t => {
  const colbert = { model_type: 'bert', architectures: ['HF_ColBERT'] };
  t.throws(() => decoderArchitecture(config(colbert)), {
    code: 'unsupported_model',
    message: /a 'bert' is known, but not as a HF_ColBERT/,
  });
  t.throws(() => encoderArchitecture(config({ model_type: 'marian' })), {
    message: /a 'marian' is known, but not as what is asked for/,
  });
});

t.test('quantized checkpoints are refused by their method', async t => {
  t.doesNotThrow(() => refuseQuantized(config({ quantization_config: null })));
  const refuses = (section: object, message: RegExp): unknown =>
    t.throws(() => refuseQuantized(config({ quantization_config: section })), {
      code: 'unsupported_model',
      message,
    });
  for (const quant_method of ['quark', 'hqq', 'torchao', 'aqlm', 'modelopt', 'constructor'])
    refuses({ quant_method, bits: 4 }, new RegExp(`quantized by ${quant_method} \\(quantization_config\\)`));
  for (const [section, message] of [
    [{ quant_method: 'gptq', bits: 5 }, /GPTQ of 5 bits is not read; 2, 3, 4, 8 are/],
    [{ quant_method: 'gptq', bits: 4, checkpoint_format: 'marlin' }, /checkpoint_format is 'marlin'/],
    [{ quant_method: 'gptq', bits: 4, is_marlin_format: true }, /Marlin's format/],
    [{ quant_method: 'gptq', bits: 4, rotation: 'hadamard' }, /GPTQ with rotation/],
    [{ quant_method: 'awq', bits: 4, version: 'GEMV' }, /AWQ in the format gemv/],
    [{ quant_method: 'awq', bits: 8 }, /AWQ of 8 bits/],
    [{ quant_method: 'fp8', expert_dtype: 'fp4' }, /experts in fp4/],
    [{ quant_method: 'bitsandbytes', bnb_4bit_quant_storage: 'bfloat16' }, /bnb_4bit_quant_storage is/],
    [{ quant_method: 'compressed-tensors', format: 'marlin-24' }, /format is 'marlin-24'/],
    [
      {
        quant_method: 'compressed-tensors',
        format: 'dense',
        sparsity_config: { format: 'sparse-24-bitmask' },
      },
      /format is 'sparse-24-bitmask'/,
    ],
    [
      {
        quant_method: 'compressed-tensors',
        format: 'dense',
        transform_config: { config_groups: { R1: { type: 'hadamard' } } },
      },
      /transforms of activations/,
    ],
  ] as const)
    refuses(section, message);
  refuses({ load_in_8bit: true }, /a method that is not named/);
});

/** Sizes of a small decoder. */
const SIZES = {
  hidden_size: 32,
  num_hidden_layers: 2,
  num_attention_heads: 4,
  vocab_size: 61,
  max_position_embeddings: 24,
  intermediate_size: 48,
};

/** Writes a decoder's graph as far as that needs no weights. */
function written(fields: Readonly<Record<string, unknown>>): void {
  const whole = config({ ...SIZES, ...fields });
  const architecture = decoderArchitecture(whole);
  const source = { graph: new ModelGraph(NUMBER_FORMATS.f32), config: whole, weights: anyWeights };
  refuseUnwritten(whole);
  writeGenerator(architecture, { ...source, sizes: architecture.sizes(whole) }, 'slots');
}

t.test('decoders near Llama refuse what they do not write', async t => {
  const refuses = (fields: Readonly<Record<string, unknown>>, message: RegExp): unknown =>
    t.throws(() => written(fields), { code: 'unsupported_model', message });
  t.doesNotThrow(() => written({ model_type: 'cohere' }));
  refuses({ model_type: 'cohere', use_qk_norm: true }, /use_qk_norm is true/);
  refuses(
    { model_type: 'olmo3', layer_types: ['chunked_attention', 'full_attention'] },
    /'chunked_attention'/,
  );
  refuses({ model_type: 'apertus', hidden_act: 'gelu_python' }, /hidden_act is 'gelu_python'/);
  refuses({ model_type: 'olmoe', sliding_window: 8 }, /sliding_window is 8/);
  refuses({ model_type: 'olmoe', num_experts: 2, num_experts_per_tok: 1, hidden_act: 'gelu' }, /hidden_act/);
  refuses({ model_type: 'granitemoehybrid', layer_types: ['mamba', 'attention'] }, /of type 'mamba'/);
  refuses({ model_type: 'granitemoehybrid' }, /state-space layers/);
  t.throws(() => written({ model_type: 'granitemoeshared', num_local_experts: 0 }), {
    code: 'invalid_model',
    message: /num_local_experts and shared_intermediate_size are 0/,
  });
});

t.test('latent attention and its experts', async t => {
  const v2 = { model_type: 'deepseek_v2', n_routed_experts: 8, num_experts_per_tok: 3 };
  const groups = { ...v2, topk_method: 'group_limited_greedy', n_group: 4, topk_group: 2 };
  const v3 = { ...groups, model_type: 'deepseek_v3', topk_method: 'noaux_tc', scoring_func: 'sigmoid' };
  const glm = { model_type: 'glm4_moe_lite', n_routed_experts: 8 };
  for (const fields of [v2, groups, v3, glm, { ...v3, model_type: 'kimi_k2', q_lora_rank: null }])
    t.doesNotThrow(() => written(fields));
  const refused = { code: 'unsupported_model' };
  for (const [fields, message] of [
    [{ ...v2, norm_topk_prob: true }, /norm_topk_prob is true/],
    [{ ...v2, scoring_func: 'sigmoid' }, /scoring_func is "sigmoid"/],
    [{ ...v2, moe_layer_freq: 2 }, /moe_layer_freq is 2/],
    [{ ...v2, topk_method: 'noaux_tc' }, /topk_method is 'noaux_tc'; known: greedy, group_limited_greedy/],
    [{ ...v2, num_experts: 4 }, /n_routed_experts is 8 and num_experts is 4/],
    [{ ...v2, hidden_act: 'gelu' }, /hidden_act is 'gelu'/],
    [{ ...v2, partial_rotary_factor: 0.5 }, /lets 32 features turn, and qk_rope_head_dim is 64/],
    [{ ...v3, scoring_func: 'softmax' }, /scoring_func is "softmax"/],
    [{ ...v3, topk_method: 'greedy' }, /topk_method is "greedy"/],
    [{ ...glm, mlp_layer_types: ['dense', 'linear'] }, /mlp_layer_types has 'linear'/],
    [{ ...glm, first_k_dense_replace: 2 }, /first_k_dense_replace is 2/],
    [{ ...glm, head_dim: 32, qk_rope_head_dim: 64 }, /qk_rope_head_dim is 64 and head_dim is 32/],
  ] as const)
    t.throws(() => written(fields), { ...refused, message });
  const invalid = { code: 'invalid_model' };
  for (const [fields, message] of [
    [{ ...v2, num_key_value_heads: 2 }, /num_key_value_heads is 2, .* one for each of 4/],
    [{ ...v2, qk_rope_head_dim: 5 }, /qk_rope_head_dim \(5\) is odd/],
    [{ ...groups, n_group: 3 }, /8 experts \(n_routed_experts\) cannot be in 3 groups/],
    [{ ...groups, topk_group: 5 }, /from 5 \(topk_group\) of 4 groups of 2/],
    [{ ...groups, topk_group: 1 }, /3 experts \(num_experts_per_tok\) cannot be chosen from 1/],
    [{ ...v3, n_group: 8 }, /cannot be in 8 groups/],
    [{ ...glm, mlp_layer_types: ['sparse'] }, /1 entries for 2 layers/],
  ] as const)
    t.throws(() => written(fields), { ...invalid, message });
});
