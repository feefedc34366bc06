import type { DecoderArchitecture } from '../assembly/decoder-design.js';
import { biasesOf } from '../assembly/decoder-layers.js';
import type { DecoderSizes } from '../assembly/decoder-source.js';
import { llamaDesign } from '../assembly/llama-design.js';
import { headNorms } from '../assembly/query-key-norms.js';
import { windowedSizes } from '../assembly/windows.js';
import type { ModelConfig } from '../config.js';

/** Qwen2 and 2.5 (Yang et al. 2024): Llama with biases of queries, keys and values. */
export const qwen2: DecoderArchitecture = {
  modelTypes: ['qwen2'],
  sizes: qwenSizes,
  design: source => llamaDesign(source, { attentionBiases: 'inputs' }),
};

/** Qwen3 (Yang et al. 2025): Llama with norms of each head of queries and keys. */
export const qwen3: DecoderArchitecture = {
  modelTypes: ['qwen3'],
  sizes: qwenSizes,
  design: source =>
    llamaDesign(source, {
      attention: layer => ({ norms: headNorms(layer) }),
      attentionBiases: biasesOf(source.config),
    }),
};

/** Only layers from `max_window_layers` on have a window, and only where it is switched on. */
export function qwenSizes(config: ModelConfig): DecoderSizes {
  const isUsed = config.flag('use_sliding_window', false);
  return windowedSizes(config, layer => isUsed && layer >= config.count('max_window_layers', 28));
}
