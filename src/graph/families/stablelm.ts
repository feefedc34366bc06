import type { DecoderArchitecture } from '../assembly/decoder-design.js';
import { parallelLayer, preNormLayer } from '../assembly/decoder-layers.js';
import { layerNorms } from '../assembly/decoder-norms.js';
import { decoderSizes } from '../assembly/decoder-source.js';
import { llamaDesign } from '../assembly/llama-design.js';
import { headLayerNorms } from '../assembly/query-key-norms.js';

/**
 * StableLM 3B, Zephyr and 2 (Bellagente et al. 2024): Llama with layer norm, a quarter of each head turned, biases of
 * queries, keys and values where config.json says so, and in some layer norms of each head and halves side by side.
 */
export const stablelm: DecoderArchitecture = {
  modelTypes: ['stablelm'],
  defaults: { partial_rotary_factor: 0.25 },
  sizes: decoderSizes,
  design(source) {
    const { config } = source;
    const isNormed = config.flag('qk_layernorm', false);
    const isParallel = config.flag('use_parallel_residual', false);
    return llamaDesign(source, {
      normalize: layerNorms(source, 'layer_norm_eps'),
      attentionBiases: config.flag('use_qkv_bias', false) ? 'inputs' : 'none',
      ...(isNormed && { attention: layer => ({ norms: headLayerNorms(layer, 'numbered') }) }),
      layer: isParallel ? (layer, residual, halves) => parallelLayer(layer, residual, halves) : preNormLayer,
    });
  },
};
