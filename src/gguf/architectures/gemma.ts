import { attention, decoderFields, ends, GATED_MLP, headNorms, linear, rmsNorm } from './common.js';
import type { Fields } from './fields.js';
import type { GgufArchitecture, TensorRule } from './types.js';

const LAYERS = 'model.layers';
/** Norms multiply by 1 and their weight; the file has the sum. */
const ONE = 1;

/** Norms before and after both halves. */
const FOUR_NORMS: readonly TensorRule[] = [
  ...linear('attn_norm', 'input_layernorm', { added: ONE }),
  ...linear('post_attention_norm', 'post_attention_layernorm', { added: ONE }),
  ...linear('ffn_norm', 'pre_feedforward_layernorm', { added: ONE }),
  ...linear('post_ffw_norm', 'post_feedforward_layernorm', { added: ONE }),
];

function gemmaFields(fields: Fields): Record<string, unknown> {
  return {
    ...decoderFields(fields),
    ...rmsNorm(fields),
    hidden_act: undefined,
    hidden_activation: 'gelu_pytorch_tanh',
  };
}

/** Files do not have the scale of scores; llama.cpp tells those of 27 billion parameters by their layers. */
function scoreScale(fields: Fields, layersOfLargest: number): Record<string, unknown> {
  const isLargest = fields.size('block_count') === layersOfLargest;
  const hidden = fields.size('embedding_length');
  const heads = fields.size('attention.head_count');
  return {
    query_pre_attn_scalar: isLargest ? hidden / heads : fields.size('attention.key_length', hidden / heads),
  };
}

/** `sliding_attention` in all layers but the last of each so many. */
function layerTypes(layers: number, pattern: number): string[] {
  return Array.from({ length: layers }, (_, layer) =>
    (layer + 1) % pattern === 0 ? 'full_attention' : 'sliding_attention',
  );
}

function softCap(fields: Fields, name: string): number | null {
  return fields.has(name) ? fields.number(name) : null;
}

const gemma: GgufArchitecture = {
  names: ['gemma'],
  layers: LAYERS,
  once: ends(ONE),
  ofLayer: [
    ...attention(false),
    ...linear('attn_norm', 'input_layernorm', { added: ONE }),
    ...linear('ffn_norm', 'post_attention_layernorm', { added: ONE }),
    ...GATED_MLP,
  ],
  config: fields => ({ ...gemmaFields(fields), model_type: 'gemma' }),
};

const gemma2: GgufArchitecture = {
  names: ['gemma2'],
  layers: LAYERS,
  once: ends(ONE),
  ofLayer: [...attention(false), ...FOUR_NORMS, ...GATED_MLP],
  config: fields => ({
    ...gemmaFields(fields),
    ...scoreScale(fields, 46),
    model_type: 'gemma2',
    // What llama.cpp takes where a file, as the oldest, does not say.
    attn_logit_softcapping: fields.number('attn_logit_softcapping', 50),
    final_logit_softcapping: fields.number('final_logit_softcapping', 30),
    sliding_window: fields.size('attention.sliding_window', 4096),
    layer_types: layerTypes(fields.size('block_count'), 2),
  }),
};

const gemma3: GgufArchitecture = {
  names: ['gemma3'],
  layers: LAYERS,
  once: ends(ONE),
  ofLayer: [...attention(false), ...FOUR_NORMS, ...headNorms(ONE), ...GATED_MLP],
  config(fields) {
    const layers = fields.size('block_count');
    const isWindowed = fields.has('attention.sliding_window');
    const { rope_theta: theta, ...others } = gemmaFields(fields);
    return {
      ...others,
      ...scoreScale(fields, 62),
      model_type: 'gemma3_text',
      rope_theta: fields.has('rope.freq_base') ? theta : 1_000_000,
      rope_local_base_freq: fields.number('rope.freq_base_swa', 10_000),
      attn_logit_softcapping: null,
      final_logit_softcapping: softCap(fields, 'final_logit_softcapping'),
      sliding_window: isWindowed ? fields.size('attention.sliding_window') : null,
      layer_types: isWindowed
        ? layerTypes(layers, fields.size('attention.sliding_window_pattern', 6))
        : Array<string>(layers).fill('full_attention'),
    };
  },
};

export const GEMMAS: readonly GgufArchitecture[] = [gemma, gemma2, gemma3];
