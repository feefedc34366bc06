import type { ModelConfig } from '../config.js';
import type { DecoderArchitecture, DecoderSizes } from '../assembly/decoder-architecture.js';
import { rmsNorms, writeDecoder } from '../assembly/decoder-body.js';
import {
  activationOf,
  gatedMlp,
  headNorms,
  preNormLayer,
  selfAttention,
} from '../assembly/decoder-layers.js';
import { readRope, ropeTables } from '../assembly/rope.js';
import { windowedSizes } from '../assembly/windows.js';

/** Qwen2 and 2.5 (Yang et al. 2024): Llama with biases of queries, keys and values. */
export const qwen2: DecoderArchitecture = {
  modelTypes: ['qwen2'],
  sizes: qwenSizes,
  write(source) {
    const { config, sizes } = source;
    const rotary = ropeTables(source, 'rotary', readRope(config, sizes));
    const activation = activationOf(config, 'hidden_act', 'silu');
    writeDecoder(source, {
      normalize: rmsNorms(source),
      layer: (layer, residual) =>
        preNormLayer(layer, residual, {
          attention: x => selfAttention(layer, x, { rotary }, 'inputs'),
          feedForward: x => gatedMlp(layer, x, activation),
        }),
    });
  },
};

/** Qwen3 (Yang et al. 2025): Llama with norms of each head of queries and keys. */
export const qwen3: DecoderArchitecture = {
  modelTypes: ['qwen3'],
  sizes: qwenSizes,
  write(source) {
    const { config, sizes } = source;
    const rotary = ropeTables(source, 'rotary', readRope(config, sizes));
    const biases = config.flag('attention_bias', false) ? 'all' : 'none';
    const activation = activationOf(config, 'hidden_act', 'silu');
    writeDecoder(source, {
      normalize: rmsNorms(source),
      layer: (layer, residual) =>
        preNormLayer(layer, residual, {
          attention: x => selfAttention(layer, x, { rotary, norms: headNorms(layer) }, biases),
          feedForward: x => gatedMlp(layer, x, activation),
        }),
    });
  },
};

/** Only layers from `max_window_layers` on have a window, and only where it is switched on. */
export function qwenSizes(config: ModelConfig): DecoderSizes {
  const isUsed = config.flag('use_sliding_window', false);
  return windowedSizes(config, layer => isUsed && layer >= config.count('max_window_layers', 28));
}
