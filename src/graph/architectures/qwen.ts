import type { ModelConfig } from '../config.js';
import { decoderSizes, type DecoderArchitecture, type DecoderSizes } from './decoder.js';
import { rmsNorms, writeDecoder } from './decoder-graph.js';
import {
  activationOf,
  gatedMlp,
  headNorms,
  preNormLayer,
  selfAttention,
  slidingWindows,
} from './decoder-layers.js';
import { readRope, ropeTables } from './rope.js';

/** Qwen2 and 2.5 (Yang et al. 2024): Llama with biases of queries, keys and values. */
export const qwen2: DecoderArchitecture = {
  modelTypes: ['qwen2'],
  sizes: decoderSizes,
  write(source) {
    const { config, sizes } = source;
    const rotary = ropeTables(source, 'rotary', readRope(config, sizes));
    const windows = qwenWindows(config, sizes);
    const activation = activationOf(config, 'hidden_act', 'silu');
    writeDecoder(source, {
      normalize: rmsNorms(source),
      layer: (layer, residual) =>
        preNormLayer(layer, residual, {
          attention: x => selfAttention(layer, x, { rotary, window: windows[layer.index] }, 'inputs'),
          feedForward: x => gatedMlp(layer, x, activation),
        }),
    });
  },
};

/** Qwen3 (Yang et al. 2025): Llama with norms of each head of queries and keys. */
export const qwen3: DecoderArchitecture = {
  modelTypes: ['qwen3'],
  sizes: decoderSizes,
  write(source) {
    const { config, sizes } = source;
    const rotary = ropeTables(source, 'rotary', readRope(config, sizes));
    const windows = qwenWindows(config, sizes);
    const biases = config.flag('attention_bias', false) ? 'all' : 'none';
    const activation = activationOf(config, 'hidden_act', 'silu');
    writeDecoder(source, {
      normalize: rmsNorms(source),
      layer: (layer, residual) =>
        preNormLayer(layer, residual, {
          attention: x =>
            selfAttention(
              layer,
              x,
              { rotary, window: windows[layer.index], norms: headNorms(layer) },
              biases,
            ),
          feedForward: x => gatedMlp(layer, x, activation),
        }),
    });
  },
};

/** Only layers from `max_window_layers` on have a window, and only where it is switched on. */
export function qwenWindows(config: ModelConfig, sizes: DecoderSizes): (number | undefined)[] {
  const isUsed = config.flag('use_sliding_window', false);
  return slidingWindows(config, sizes, layer => isUsed && layer >= config.count('max_window_layers', 28));
}
