import type { DecoderArchitecture } from '../assembly/decoder-design.js';
import { biasesOf, gatedMlp, sandwichNormLayer } from '../assembly/decoder-layers.js';
import { rmsNorms } from '../assembly/decoder-norms.js';
import { decoderSizes, type DecoderSource } from '../assembly/decoder-source.js';
import { llamaDesign, type LlamaDifferences } from '../assembly/llama-design.js';
import { headNorms } from '../assembly/query-key-norms.js';
import { rotaryByWindow } from '../assembly/rotary-by-window.js';
import { windowedSizes } from '../assembly/windows.js';
import { activationOf, type Activation } from '../blocks/activation.js';
import { scale } from '../blocks/scale.js';
import type { ModelConfig } from '../config.js';

/**
 * Gemma (Gemma Team 2024): Llama with GeGLU, embeddings scaled by the root of their size, and zero-centred
 * norms.
 */
export const gemma: DecoderArchitecture = {
  modelTypes: ['gemma'],
  sizes: decoderSizes,
  design: source => llamaDesign(source, gemmaDifferences(source, gemmaActivation(source.config))),
};

/**
 * Gemma 2 (Gemma Team 2024): norms around both halves of a layer, every other layer with a window, scores and
 * logits capped.
 */
export const gemma2: DecoderArchitecture = {
  modelTypes: ['gemma2'],
  sizes: config => windowedSizes(config, layer => layer % 2 === 0),
  design: source => llamaDesign(source, gemma2Differences(source)),
};

/**
 * Gemma 3 (Gemma Team 2025), text only: five layers with a window to one without, each kind with rotary
 * positions of its own; head norms.
 */
export const gemma3: DecoderArchitecture = {
  modelTypes: ['gemma3_text'],
  defaults: { rope_theta: 1_000_000 },
  sizes(config) {
    const pattern = config.size('sliding_window_pattern', 6);
    return windowedSizes(config, layer => (layer + 1) % pattern !== 0);
  },
  // The window is split in two halves (EmbeddingGemma).
  reachBothWays: window => Math.floor(window / 2),
  design(source) {
    const gemma2 = gemma2Differences(source);
    return llamaDesign(source, {
      ...gemma2,
      rotary: rotaryByWindow(source, source.config.positive('rope_local_base_freq', 10_000)),
      attention: layer => ({ ...gemma2.attention(), norms: headNorms(layer, 'zero-centred') }),
    });
  },
};

/** Older files have `gelu` in hidden_act and mean its approximation. */
function gemmaActivation(config: ModelConfig): Activation {
  const field = config.has('hidden_act') ? 'hidden_act' : 'hidden_activation';
  const activation = activationOf(config, field, 'gelu_pytorch_tanh');
  return activation === 'gelu' ? 'gelu_pytorch_tanh' : activation;
}

function gemmaDifferences(source: DecoderSource, activation: Activation) {
  const { graph, config, sizes } = source;
  return {
    normalize: rmsNorms(source, 'zero-centred'),
    afterEmbedding: x => scale(graph, 'embedded.scaled', x, Math.sqrt(sizes.hiddenSize)),
    attentionBiases: biasesOf(config),
    feedForward: (layer, x) => gatedMlp(layer, x, activation),
  } satisfies LlamaDifferences;
}

function gemma2Differences(source: DecoderSource) {
  const { config } = source;
  // Scores are divided by the root of this field, not of the head's size.
  const scale = 1 / Math.sqrt(config.positive('query_pre_attn_scalar'));
  const scores = { scale, softCap: softCap(config, 'attn_logit_softcapping') };
  return {
    ...gemmaDifferences(source, activationOf(config, 'hidden_activation', 'gelu_pytorch_tanh')),
    attention: () => scores,
    layer: sandwichNormLayer,
    logitsSoftCap: softCap(config, 'final_logit_softcapping'),
  } satisfies LlamaDifferences;
}

function softCap(config: ModelConfig, name: string): number | undefined {
  return config.has(name) ? config.positive(name) : undefined;
}
