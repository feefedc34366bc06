import type { DecoderArchitecture } from '../assembly/decoder-design.js';
import {
  attentionBiases,
  gatedMlp,
  headNorms,
  preNormLayer,
  sandwichNormLayer,
  selfAttention,
} from '../assembly/decoder-layers.js';
import { rmsNorms } from '../assembly/decoder-norms.js';
import { decoderSizes, type DecoderSource } from '../assembly/decoder-source.js';
import { readRope, ropeSection, ropeTables, rotaryOf } from '../assembly/rope.js';
import { windowedSizes } from '../assembly/windows.js';
import { activationOf } from '../blocks/activation.js';
import { inverseFrequencies, type RotaryTables } from '../blocks/rotary.js';
import { scale } from '../blocks/scale.js';
import type { ModelConfig } from '../config.js';
import type { Value } from '../onnx/graph-builder.js';

/** Gemma (Gemma Team 2024): Llama with GeGLU, embeddings scaled by the root of their size, and zero-centred norms. */
export const gemma: DecoderArchitecture = {
  modelTypes: ['gemma'],
  sizes: decoderSizes,
  design(source) {
    const { config } = source;
    const rotary = rotaryOf(source);
    const biases = attentionBiases(config);
    // Older files have `gelu` in hidden_act and mean its approximation.
    const activation = activationOf(config, 'hidden_activation', 'gelu_pytorch_tanh');
    return {
      normalize: rmsNorms(source, 'zero-centred'),
      afterEmbedding: embedded => scaleEmbedding(source, embedded),
      layer: (layer, residual) =>
        preNormLayer(layer, residual, {
          attention: x => selfAttention(layer, x, { rotary }, biases),
          feedForward: x => gatedMlp(layer, x, activation),
        }),
    };
  },
};

/** Gemma 2 (Gemma Team 2024): norms around both halves of a layer, every other layer with a window, scores and logits capped. */
export const gemma2: DecoderArchitecture = {
  modelTypes: ['gemma2'],
  sizes: config => windowedSizes(config, layer => layer % 2 === 0),
  design(source) {
    const { config } = source;
    const rotary = rotaryOf(source);
    const scores = { scale: queryScale(config), softCap: softCap(config, 'attn_logit_softcapping') };
    const activation = activationOf(config, 'hidden_activation', 'gelu_pytorch_tanh');
    return {
      normalize: rmsNorms(source, 'zero-centred'),
      afterEmbedding: embedded => scaleEmbedding(source, embedded),
      logitsSoftCap: softCap(config, 'final_logit_softcapping'),
      layer: (layer, residual) =>
        sandwichNormLayer(layer, residual, {
          attention: x => selfAttention(layer, x, { rotary, ...scores }, attentionBiases(config)),
          feedForward: x => gatedMlp(layer, x, activation),
        }),
    };
  },
};

/** Gemma 3 (Gemma Team 2025), text only: five layers with a window to one without, each kind with rotary positions of its own; head norms. */
export const gemma3: DecoderArchitecture = {
  modelTypes: ['gemma3_text'],
  sizes(config) {
    const pattern = config.size('sliding_window_pattern', 6);
    return windowedSizes(config, layer => (layer + 1) % pattern !== 0);
  },
  design(source) {
    const { config } = source;
    const { global, local } = rotariesOf(source);
    const scores = { scale: queryScale(config), softCap: softCap(config, 'attn_logit_softcapping') };
    const activation = activationOf(config, 'hidden_activation', 'gelu_pytorch_tanh');
    return {
      normalize: rmsNorms(source, 'zero-centred'),
      afterEmbedding: embedded => scaleEmbedding(source, embedded),
      logitsSoftCap: softCap(config, 'final_logit_softcapping'),
      layer: (layer, residual) =>
        sandwichNormLayer(layer, residual, {
          attention: x => {
            const rotary = layer.window === undefined ? global : local;
            const norms = headNorms(layer, 'zero-centred');
            return selfAttention(layer, x, { rotary, norms, ...scores }, attentionBiases(config));
          },
          feedForward: x => gatedMlp(layer, x, activation),
        }),
    };
  },
};

/** Positions of layers without and with a window; in older files only the former are ever scaled. */
function rotariesOf(source: DecoderSource): { readonly global: RotaryTables; readonly local: RotaryTables } {
  const { config, sizes } = source;
  const section = ropeSection(config);
  const global = readRope(config, sizes, section?.section('full_attention') ?? section);
  const sliding = section?.section('sliding_attention');
  const localTheta = config.positive('rope_local_base_freq', 10_000);
  const local =
    sliding === undefined
      ? { frequencies: inverseFrequencies(sizes.headSize, localTheta), magnitude: 1 }
      : readRope(config, sizes, sliding);
  return {
    global: ropeTables(source, 'rotary.global', global),
    local: ropeTables(source, 'rotary.local', local),
  };
}

function scaleEmbedding({ graph, sizes }: DecoderSource, embedded: Value): Value {
  return scale(graph, 'embedded.scaled', embedded, Math.sqrt(sizes.hiddenSize));
}

/** Scores are divided by the root of `query_pre_attn_scalar`, not of the head's size. */
function queryScale(config: ModelConfig): number {
  return 1 / Math.sqrt(config.positive('query_pre_attn_scalar'));
}

function softCap(config: ModelConfig, name: string): number | undefined {
  return config.has(name) ? config.positive(name) : undefined;
}
