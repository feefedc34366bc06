import type { DecoderArchitecture } from '../assembly/decoder-design.js';
import {
  attentionBiases,
  gatedMlp,
  headNorms,
  preNormLayer,
  selfAttention,
} from '../assembly/decoder-layers.js';
import { rmsNorms } from '../assembly/decoder-norms.js';
import type { DecoderSizes } from '../assembly/decoder-source.js';
import { rotaryOf } from '../assembly/rope.js';
import { windowedSizes } from '../assembly/windows.js';
import { activationOf } from '../blocks/activation.js';
import type { ModelConfig } from '../config.js';

/** Qwen2 and 2.5 (Yang et al. 2024): Llama with biases of queries, keys and values. */
export const qwen2: DecoderArchitecture = {
  modelTypes: ['qwen2'],
  sizes: qwenSizes,
  design(source) {
    const rotary = rotaryOf(source);
    const activation = activationOf(source.config, 'hidden_act', 'silu');
    return {
      normalize: rmsNorms(source),
      layer: (layer, residual) =>
        preNormLayer(layer, residual, {
          attention: x => selfAttention(layer, x, { rotary }, 'inputs'),
          feedForward: x => gatedMlp(layer, x, activation),
        }),
    };
  },
};

/** Qwen3 (Yang et al. 2025): Llama with norms of each head of queries and keys. */
export const qwen3: DecoderArchitecture = {
  modelTypes: ['qwen3'],
  sizes: qwenSizes,
  design(source) {
    const { config } = source;
    const rotary = rotaryOf(source);
    const activation = activationOf(config, 'hidden_act', 'silu');
    return {
      normalize: rmsNorms(source),
      layer: (layer, residual) =>
        preNormLayer(layer, residual, {
          attention: x =>
            selfAttention(layer, x, { rotary, norms: headNorms(layer) }, attentionBiases(config)),
          feedForward: x => gatedMlp(layer, x, activation),
        }),
    };
  },
};

/** Only layers from `max_window_layers` on have a window, and only where it is switched on. */
export function qwenSizes(config: ModelConfig): DecoderSizes {
  const isUsed = config.flag('use_sliding_window', false);
  return windowedSizes(config, layer => isUsed && layer >= config.count('max_window_layers', 28));
}
