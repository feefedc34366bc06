import { embeddingSizeOf, type EncoderArchitecture } from '../assembly/encoder-architecture.js';
import { bertEncoder, normBy } from '../assembly/bert-design.js';
import { dense, type LayerNames } from '../assembly/layer-weights.js';
import { linear } from '../blocks/linear.js';
import { MOST, type ModelConfig } from '../config.js';
import { bertDesign, bertSizes, pooledClassifier, predictionTransform, TOKEN_HEADS } from './bert.js';

/**
 * ALBERT (Lan et al. 2019): BERT with narrow token vectors, whose layers share their weights in groups. Weight names
 * are those of Hugging Face's `AlbertModel`.
 */
export const albert: EncoderArchitecture = {
  modelTypes: ['albert'],
  defaults: { hidden_act: 'gelu_new' },
  bodyName: 'albert',
  embedding: 'embeddings.word_embeddings.weight',

  sizes(config) {
    const sizes = bertSizes(config, 0);
    const inner = config.size('inner_group_num', 1, MOST.layers);
    return {
      ...sizes,
      layers: sizes.layers * inner,
      embeddingSize: config.size('embedding_size', 128, MOST.width),
    };
  },

  hiddenStates(source) {
    const { graph, config, body, sizes } = source;
    const design = bertDesign(source, { layer: layersOf(config) });
    const width = embeddingSizeOf(sizes);
    const norm = normBy(source, design.epsilon)('embeddings.LayerNorm', width);
    const { matrix, bias } = dense(body, 'encoder.embedding_hidden_mapping_in', sizes.hiddenSize, width);
    return bertEncoder(source, {
      ...design,
      embedded: sum => linear(graph, 'embedded', norm('embedding_norm', sum).normalized, matrix, bias),
    });
  },

  heads: () => ({
    ...TOKEN_HEADS,
    'sequence-classification': pooledClassifier('pooler'),
    'fill-mask': {
      matrix: 'predictions.decoder.weight',
      bias: 'predictions.bias',
      transform: source => predictionTransform(source, 'predictions'),
    },
  }),
};

/** Names of a layer, which is one of the inner ones of its group. */
function layersOf(config: ModelConfig): (index: number) => LayerNames {
  const layers = config.size('num_hidden_layers');
  const groups = config.size('num_hidden_groups', 1);
  const inner = config.size('inner_group_num', 1);
  return index => {
    const group = Math.floor(Math.floor(index / inner) / (layers / groups));
    const prefix = `encoder.albert_layer_groups.${group}.albert_layers.${index % inner}`;
    return {
      query: `${prefix}.attention.query`,
      key: `${prefix}.attention.key`,
      value: `${prefix}.attention.value`,
      output: `${prefix}.attention.dense`,
      attentionNorm: `${prefix}.attention.LayerNorm`,
      up: `${prefix}.ffn`,
      down: `${prefix}.ffn_output`,
      feedForwardNorm: `${prefix}.full_layer_layer_norm`,
    };
  };
}
