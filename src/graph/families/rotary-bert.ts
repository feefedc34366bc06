import type { EncoderArchitecture, EncoderSource } from '../assembly/encoder-architecture.js';
import { bertEncoder, normBy, type LayerWeights } from '../assembly/bert-design.js';
import { rotaryPositions } from '../assembly/encoder-rope.js';
import type { Rope } from '../assembly/rope.js';
import { inverseFrequencies } from '../blocks/rotary.js';
import { activationOf } from '../blocks/activation.js';
import type { ModelConfig } from '../config.js';
import type { Value } from '../onnx/graph-builder.js';
import { bertSizes, pooledClassifier, predictionTransform, TOKEN_HEADS } from './bert.js';
import { rotaryLayer, type RotaryLayer } from './rotary-bert-layers.js';

const EMBEDDING = 'embeddings.word_embeddings.weight';

/**
 * Nomic BERT (Nussbaum et al. 2024): rotary positions and SwiGLU. Fields and weights are those of Hugging Face's
 * `NomicBertModel`, or of its makers' code.
 */
export const nomicBert: EncoderArchitecture = {
  modelTypes: ['nomic_bert'],
  bodyName: 'nomic_bert',
  embedding: EMBEDDING,
  sizes: config => bertSizes(nomicFields(config), 0, ['absolute', 'rope']),
  hiddenStates(source) {
    const config = nomicFields(source.config);
    const theta = config.positive('rotary_emb_base', 1000);
    return rotaryBert({ ...source, config }, theta, {
      attentionBias: config.flag('qkv_proj_bias', false),
      upBias: config.flag('mlp_fc1_bias', false),
      downBias: config.flag('mlp_fc2_bias', false),
      isGated: true,
    });
  },
  heads: () => ({
    'sequence-classification': pooledClassifier('pooler.dense'),
    'token-classification': TOKEN_HEADS['token-classification']!,
    'fill-mask': {
      matrix: 'cls.predictions.decoder.weight',
      bias: 'cls.predictions.bias',
      transform: source =>
        predictionTransform({ ...source, config: nomicFields(source.config) }, 'cls.predictions.transform', {
          norm: 'layer_norm',
        }),
    },
  }),
};

/** GTE (Zhang et al. 2024): rotary positions and GeGLU. Weight names are those of Hugging Face's `GteModel`, or of its makers' code. */
export const gte = gteFamily('gte', 160_000);

/** GTE as its makers published it. */
export const gteNew = gteFamily('new', 10_000);

function gteFamily(type: string, theta: number): EncoderArchitecture {
  return {
    modelTypes: [type],
    bodyName: type,
    embedding: EMBEDDING,
    sizes(config) {
      config.choice('layer_norm_type', ['layer_norm'], 'layer_norm');
      if (!config.flag('pack_qkv', true)) config.unsupported('pack_qkv is false');
      if (config.flag('logn_attention_scale', false)) config.unsupported('logn_attention_scale is true');
      return bertSizes(config, 0, ['rope']);
    },
    hiddenStates: source =>
      rotaryBert(source, theta, { attentionBias: true, upBias: false, downBias: true, isGated: true }),
    heads: () => ({
      ...TOKEN_HEADS,
      'sequence-classification': pooledClassifier('pooler.dense'),
      'fill-mask': {
        matrix: 'lm_head.decoder.weight',
        bias: 'lm_head.decoder.bias',
        transform: source =>
          predictionTransform(source, 'lm_head', {
            norm: source.weights.has('lm_head.norm.weight') ? 'norm' : 'layer_norm',
            activation: 'gelu',
          }),
      },
    }),
  };
}

/**
 * BERT with rotary positions.
 *
 * @param theta base of the positions where config.json has no `rope_theta`.
 * @param adapt what adapters for tasks change.
 */
export function rotaryBert(
  source: EncoderSource,
  theta: number,
  layer: RotaryLayer,
  adapt?: { readonly words: Value; layer(index: number, weights: LayerWeights): LayerWeights },
): Value {
  const { config, body, sizes } = source;
  const epsilon = config.positive('layer_norm_eps', 1e-12);
  const norm = body.has('emb_ln.weight') ? 'emb_ln' : 'embeddings.LayerNorm';
  return bertEncoder(source, {
    ...(adapt && { words: adapt.words }),
    positions: undefined,
    epsilon,
    embedded: sum => normBy(source, epsilon)(norm, sizes.hiddenSize)('embedding_norm', sum).normalized,
    activation: activationOf(config, 'hidden_act', layer.isGated ? 'silu' : 'gelu'),
    rotary: rotaryPositions(source, theta, ntkRope(config, sizes.headSize, theta)),
    layer: index => {
      const weights = rotaryLayer(source, index, layer);
      return adapt?.layer(index, weights) ?? weights;
    },
  });
}

/**
 * Positions stretched as the makers of GTE do it: with a larger base, and all frequencies divided alike (Su 2023,
 * "Transformer upgrade 16"). Undefined where config.json says nothing of it.
 */
function ntkRope(config: ModelConfig, headSize: number, theta: number): Rope | undefined {
  const section = config.section('rope_scaling');
  if (section?.value('type') !== 'ntk') return undefined;
  if (section.has('mixed_b')) section.unsupported('mixed_b is set');
  const factor = section.positive('factor');
  const frequencies = inverseFrequencies(headSize, config.positive('rope_theta', theta) * factor);
  return { frequencies: frequencies.map(value => value / factor ** (2 / headSize)), magnitude: 1 };
}

/** Its makers' fields, which are those of GPT-2, by their other names. */
function nomicFields(config: ModelConfig): ModelConfig {
  for (const name of ['prenorm', 'use_rms_norm', 'parallel_block', 'rotary_emb_interleaved'])
    if (config.flag(name, false)) config.unsupported(`${name} is true`);
  for (const name of ['num_experts', 'moe_every_n_layers'])
    if (config.count(name, 0) > 0) config.unsupported(`${name} is not 0: layers of experts`);
  if (config.finite('rotary_emb_fraction', 1) !== 1) config.unsupported('rotary_emb_fraction is not 1');
  if (config.has('rotary_emb_scale_base')) config.unsupported('rotary_emb_scale_base is set');
  const activation = config.choice('activation_function', ['swiglu', 'geglu'], 'swiglu');
  // With a factor, positions would be stretched where a text is longer than those of the training.
  const longest = config.has('rotary_scaling_factor') ? 'max_trained_positions' : 'n_positions';
  return config.withDefaults({
    hidden_size: config.value('n_embd'),
    num_hidden_layers: config.value('n_layer'),
    num_attention_heads: config.value('n_head'),
    intermediate_size: config.value('n_inner'),
    max_position_embeddings: config.value(longest) ?? config.value('n_positions'),
    layer_norm_eps: config.value('layer_norm_epsilon'),
    hidden_act: activation === 'swiglu' ? 'silu' : 'gelu',
  });
}
