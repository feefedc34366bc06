import type { EncoderArchitecture } from '../assembly/encoder-architecture.js';
import { postNormEncoder } from '../assembly/post-norm-encoder.js';
import { activationOf } from '../blocks/activation.js';
import { relativePositionBias } from '../blocks/relative-position-bias.js';
import { bertSizes } from './bert.js';
import { firstPosition, robertaHeads } from './roberta.js';

/** Distances that the bias tells apart beyond this share its last bucket. */
const MAX_DISTANCE = 128;

/**
 * MPNet (Song et al. 2020): as RoBERTa, with a bias on attention scores by distance. Weight names are those
 * of Hugging Face's `MPNetModel`.
 */
export const mpnet: EncoderArchitecture = {
  modelTypes: ['mpnet'],
  bodyName: 'mpnet',
  embedding: 'embeddings.word_embeddings.weight',

  sizes: config => ({ ...bertSizes(config, firstPosition(config)), segments: 1 }),

  hiddenStates(source) {
    const { graph, config, sizes, body, batch } = source;
    const buckets = config.size('relative_attention_num_buckets', 32);
    const weight = body.weight('encoder.relative_attention_bias.weight', [buckets, sizes.heads]);
    return postNormEncoder(source, {
      firstPosition: firstPosition(config),
      epsilon: config.positive('layer_norm_eps', 1e-12),
      intermediateSize: config.size('intermediate_size'),
      activation: activationOf(config, 'hidden_act', 'gelu'),
      attentionBias: relativePositionBias(
        graph,
        'relative_positions',
        { weight, maxDistance: MAX_DISTANCE },
        batch.grid,
      ),
      layer: index => {
        const prefix = `encoder.layer.${index}`;
        return {
          query: `${prefix}.attention.attn.q`,
          key: `${prefix}.attention.attn.k`,
          value: `${prefix}.attention.attn.v`,
          output: `${prefix}.attention.attn.o`,
          attentionNorm: `${prefix}.attention.LayerNorm`,
          up: `${prefix}.intermediate.dense`,
          down: `${prefix}.output.dense`,
          feedForwardNorm: `${prefix}.output.LayerNorm`,
        };
      },
    });
  },

  heads: robertaHeads,
};
