import { embeddingSizeOf, type EncoderArchitecture } from '../assembly/encoder-architecture.js';
import { bertEncoder, normBy } from '../assembly/bert-design.js';
import { dense } from '../assembly/layer-weights.js';
import { linear } from '../blocks/linear.js';
import { MOST } from '../config.js';
import { bertDesign, bertSizes, predictionTransform, TOKEN_HEADS } from './bert.js';
import { classifierOf } from './roberta.js';

/**
 * ELECTRA (Clark et al. 2020): BERT, whose token vectors may be narrower than its layers. Weight names are those of
 * Hugging Face's `ElectraModel`.
 */
export const electra: EncoderArchitecture = {
  modelTypes: ['electra'],
  bodyName: 'electra',
  embedding: 'embeddings.word_embeddings.weight',

  sizes: config => ({
    ...bertSizes(config, 0),
    embeddingSize: config.size('embedding_size', 128, MOST.width),
  }),

  hiddenStates(source) {
    const { graph, body, sizes } = source;
    const design = bertDesign(source);
    const width = embeddingSizeOf(sizes);
    if (width === sizes.hiddenSize) return bertEncoder(source, design);
    const norm = normBy(source, design.epsilon)('embeddings.LayerNorm', width);
    const { matrix, bias } = dense(body, 'embeddings_project', sizes.hiddenSize, width);
    return bertEncoder(source, {
      ...design,
      embedded: sum => linear(graph, 'embedded', norm('embedding_norm', sum).normalized, matrix, bias),
    });
  },

  heads(config) {
    if (config.strings('architectures', []).includes('ElectraForPreTraining'))
      config.unsupported(
        'ElectraForPreTraining tells replaced tokens from others, a head that is not served; with ElectraModel in architectures the model embeds texts',
      );
    return {
      ...TOKEN_HEADS,
      'sequence-classification': classifierOf('gelu'),
      'fill-mask': {
        matrix: 'generator_lm_head.weight',
        bias: 'generator_lm_head.bias',
        transform: source => predictionTransform(source, 'generator_predictions', { activation: 'gelu' }),
      },
    };
  },
};
