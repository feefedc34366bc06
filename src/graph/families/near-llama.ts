import type { DecoderArchitecture } from '../assembly/decoder-design.js';
import { biasesOf, plainMlp, type Biases } from '../assembly/decoder-layers.js';
import { decoderSizes } from '../assembly/decoder-source.js';
import { gatedMlps, llamaDesign } from '../assembly/llama-design.js';
import { activationOf } from '../blocks/activation.js';
import type { ModelConfig } from '../config.js';

/** Families that are Llama but for a field or two. */
export const NEAR_LLAMA: readonly DecoderArchitecture[] = [
  /** ERNIE 4.5 (Baidu ERNIE Team 2025), dense: neighbouring features turn together; one field for all biases. */
  {
    modelTypes: ['ernie4_5'],
    defaults: { rms_norm_eps: 1e-5, rope_theta: 500_000, head_dim: 128 },
    sizes: decoderSizes,
    design: source =>
      llamaDesign(source, {
        interleaved: true,
        attentionBiases: source.config.flag('use_bias', false) ? 'all' : 'none',
        feedForward: gatedMlps(source, 'use_bias'),
      }),
  },
  /** Seed-OSS (ByteDance Seed 2025): fields of their own for the biases of attention's inputs and output. */
  {
    modelTypes: ['seed_oss'],
    defaults: { attention_bias: true, head_dim: 128 },
    sizes: decoderSizes,
    design: source =>
      llamaDesign(source, {
        attentionBiases: biasesBy(source.config, 'attention_bias', 'attention_out_bias'),
        feedForward: gatedMlps(source, 'mlp_bias'),
      }),
  },
  /** InternLM3 (Shanghai AI Laboratory 2025): fields of their own for biases. */
  {
    modelTypes: ['internlm3'],
    defaults: { rms_norm_eps: 1e-5, head_dim: 128 },
    sizes: decoderSizes,
    fieldNames: { attention_bias: 'qkv_bias', mlp_bias: 'bias' },
    design: source =>
      llamaDesign(source, {
        attentionBiases: biasesBy(source.config, 'attention_bias', 'mlp_bias'),
        feedForward: gatedMlps(source, 'mlp_bias'),
      }),
  },
  /** Helium (Kyutai 2025): neighbouring features turn together; the attention's output has no bias. */
  {
    modelTypes: ['helium'],
    defaults: { rms_norm_eps: 1e-8, rope_theta: 100_000, head_dim: 128 },
    sizes: decoderSizes,
    design: source =>
      llamaDesign(source, {
        interleaved: true,
        attentionBiases: source.config.flag('attention_bias', false) ? 'inputs' : 'none',
        feedForward: gatedMlps(source, 'mlp_bias'),
      }),
  },
  /** AFM (Arcee 2025): a feed-forward layer without a gate, of squared ReLU. */
  {
    modelTypes: ['arcee'],
    defaults: { rms_norm_eps: 1e-5 },
    sizes: decoderSizes,
    design(source) {
      const mlp = {
        within: 'mlp',
        up: 'up_proj',
        down: 'down_proj',
        inner: source.config.size('intermediate_size'),
        hasBiases: source.config.flag('mlp_bias', false),
        activation: activationOf(source.config, 'hidden_act', 'relu2'),
      };
      return llamaDesign(source, {
        attentionBiases: biasesOf(source.config),
        feedForward: (layer, x) => plainMlp(layer, x, mlp),
      });
    },
  },
];

function biasesBy(config: ModelConfig, inputs: string, output: string): Biases {
  const [onInputs, onOutput] = [config.flag(inputs, false), config.flag(output, false)];
  if (onInputs) return onOutput ? 'all' : 'inputs';
  return onOutput ? 'output' : 'none';
}
