import { relativePositionBias } from '../blocks/relative-position-bias.js';
import { bert, bertSizes } from './bert.js';
import { configuredActivation, type EncoderArchitecture } from '../assembly/encoder-architecture.js';
import { postNormEncoder } from '../assembly/post-norm-encoder.js';
import { firstPosition, robertaClassifier, robertaPrediction } from './roberta.js';

/** Distances that the bias tells apart beyond this share its last bucket. */
const MAX_DISTANCE = 128;

/** MPNet (Song et al. 2020): as RoBERTa, with a bias on attention scores by distance. Weight names are those of Hugging Face's `MPNetModel`. */
export const mpnet: EncoderArchitecture = {
  modelTypes: ['mpnet'],
  bodyName: 'mpnet',
  probe: 'embeddings.word_embeddings.weight',

  sizes: config => ({ ...bertSizes(config, firstPosition(config)), segments: 1 }),

  hiddenStates(source) {
    const { graph, config, sizes, body, batch } = source;
    const buckets = config.size('relative_attention_num_buckets', 32);
    const weight = body.weight('encoder.relative_attention_bias.weight', [buckets, sizes.heads]);
    return postNormEncoder(source, {
      firstPosition: firstPosition(config),
      epsilon: config.positive('layer_norm_eps', 1e-12),
      activation: configuredActivation(config, 'hidden_act', 'gelu'),
      attentionBias: relativePositionBias(
        graph,
        'relative_positions',
        weight,
        MAX_DISTANCE,
        batch.grid,
        sizes.contextLength,
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

  sequencePooling: () => 'cls',
  classifySequences: robertaClassifier,
  classifyTokens: (source, hidden, labels) => bert.classifyTokens(source, hidden, labels),
  markSpans: (source, hidden) => bert.markSpans(source, hidden),
  fillMasks: (source, hidden) => robertaPrediction(source, hidden, 1e-12),
};
