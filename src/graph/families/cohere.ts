import type { DecoderArchitecture } from '../assembly/decoder-design.js';
import { biasesOf, parallelLayer } from '../assembly/decoder-layers.js';
import { layerNorms } from '../assembly/decoder-norms.js';
import { decoderSizes, type DecoderSource } from '../assembly/decoder-source.js';
import { llamaDesign, type LlamaDifferences } from '../assembly/llama-design.js';
import { headLayerNorms } from '../assembly/query-key-norms.js';
import { rotaryOf } from '../assembly/rope.js';
import { windowedSizes } from '../assembly/windows.js';

/**
 * Command R (Cohere 2024): both halves of a layer read the same stream behind one layer norm without a shift,
 * neighbouring features turn together, and logits have a factor. Command R+ has layer norms of each head, too.
 */
export const cohere: DecoderArchitecture = {
  modelTypes: ['cohere'],
  defaults: { rope_theta: 500_000, logit_scale: 0.0625 },
  sizes: decoderSizes,
  design(source) {
    const isNormed = source.config.flag('use_qk_norm', false);
    return llamaDesign(source, {
      ...cohereDifferences(source),
      ...(isNormed && {
        attention: layer => ({ norms: headLayerNorms(layer, 'stacked', ['q_norm', 'k_norm']) }),
      }),
    });
  },
};

/** Command R7B and A (Cohere 2025): layers with a window have positions, the fourth of each four has neither. */
export const cohere2: DecoderArchitecture = {
  modelTypes: ['cohere2'],
  defaults: { logit_scale: 0.0625, sliding_window: 4096, sliding_window_pattern: 4 },
  sizes: config => windowedSizes(config, layer => (layer + 1) % config.size('sliding_window_pattern') !== 0),
  design(source) {
    const rotary = rotaryOf(source, { interleaved: true });
    return llamaDesign(source, {
      ...cohereDifferences(source),
      rotary: layer => (layer.window === undefined ? undefined : rotary),
    });
  },
};

function cohereDifferences(source: DecoderSource): LlamaDifferences {
  return {
    normalize: layerNorms(source, 'layer_norm_eps', { shifted: false }),
    interleaved: true,
    attentionBiases: biasesOf(source.config),
    layer: (layer, residual, halves) => parallelLayer(layer, residual, halves),
    logitsFactor: source.config.positive('logit_scale'),
  };
}
