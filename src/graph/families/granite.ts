import type { DecoderArchitecture } from '../assembly/decoder-design.js';
import { biasesOf } from '../assembly/decoder-layers.js';
import { decoderSizes } from '../assembly/decoder-source.js';
import { gatedMlps, llamaDesign } from '../assembly/llama-design.js';
import { scale } from '../blocks/scale.js';

/**
 * Granite 3 (Granite Team, IBM 2024): Llama with factors of embeddings, scores, layer outputs and logits
 * (Power, Shen et al. 2024).
 */
export const granite: DecoderArchitecture = {
  modelTypes: ['granite'],
  sizes: decoderSizes,
  design(source) {
    const { graph, config } = source;
    const scores = { scale: config.positive('attention_multiplier', 1) };
    return llamaDesign(source, {
      afterEmbedding: x => scale(graph, 'embedded.scaled', x, config.positive('embedding_multiplier', 1)),
      attention: () => scores,
      attentionBiases: biasesOf(config),
      feedForward: gatedMlps(source, 'mlp_bias'),
      updateFactor: config.positive('residual_multiplier', 1),
      logitsFactor: 1 / config.positive('logits_scaling', 1),
    });
  },
};
