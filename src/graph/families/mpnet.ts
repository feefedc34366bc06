import type { EncoderArchitecture } from '../assembly/encoder-architecture.js';
import { bertEncoder } from '../assembly/bert-design.js';
import type { LayerNames } from '../assembly/layer-weights.js';
import { relativePositionBias } from '../blocks/relative-position-bias.js';
import { bertDesign, bertSizes } from './bert.js';
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
    return bertEncoder(source, {
      ...bertDesign(source, { firstPosition: firstPosition(config), layer: mpnetLayer }),
      attentionBias: relativePositionBias(
        graph,
        'relative_positions',
        { weight, maxDistance: MAX_DISTANCE },
        batch.grid,
      ),
    });
  },

  heads: robertaHeads,
};

function mpnetLayer(index: number): LayerNames {
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
}
