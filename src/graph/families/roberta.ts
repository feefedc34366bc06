import { embeddingTable } from '../blocks/embedding.js';
import { linear } from '../blocks/linear.js';
import { headTransform, vocabularyLogits } from '../blocks/prediction-head.js';
import type { ModelConfig } from '../config.js';
import type { Value } from '../onnx/graph-builder.js';
import { bert, bertLayer, bertSizes } from './bert.js';
import {
  configuredActivation,
  type EncoderArchitecture,
  type EncoderSource,
} from '../assembly/encoder-architecture.js';
import { postNormEncoder, wordTable } from '../assembly/post-norm-encoder.js';

/** RoBERTa (Liu et al. 2019), XLM-RoBERTa (Conneau et al. 2019) and CamemBERT. Weight names are those of Hugging Face's `RobertaModel`. */
export const roberta: EncoderArchitecture = {
  modelTypes: ['roberta', 'xlm-roberta', 'camembert'],
  bodyName: 'roberta',
  probe: 'embeddings.word_embeddings.weight',

  sizes: config => bertSizes(config, firstPosition(config)),

  hiddenStates(source) {
    const { config } = source;
    return postNormEncoder(source, {
      firstPosition: firstPosition(config),
      epsilon: config.positive('layer_norm_eps', 1e-12),
      activation: configuredActivation(config, 'hidden_act', 'gelu'),
      layer: bertLayer,
    });
  },

  sequencePooling: () => 'cls',
  classifySequences: robertaClassifier,
  classifyTokens: (source, hidden, labels) => bert.classifyTokens(source, hidden, labels),
  markSpans: (source, hidden) => bert.markSpans(source, hidden),
  fillMasks: (source, hidden) => robertaPrediction(source, hidden, 1e-12),
};

/** Positions are counted from the padding's id on, as fairseq does. */
export function firstPosition(config: ModelConfig): number {
  return config.count('pad_token_id', 1) + 1;
}

/** The classification head of RoBERTa and MPNet. */
export function robertaClassifier(
  { graph, weights, sizes }: EncoderSource,
  pooled: Value,
  labels: number,
): Value {
  const { hiddenSize } = sizes;
  const head = weights.within('classifier');
  const transformed = headTransform(graph, 'classifier.dense', pooled, {
    matrix: head.matrix('dense', hiddenSize, hiddenSize),
    bias: head.bias('dense', hiddenSize),
    activation: 'tanh',
  });
  const projection = head.matrix('out_proj', labels, hiddenSize);
  return linear(graph, 'classifier', transformed, projection, head.bias('out_proj', labels));
}

/** The masked language model's head of RoBERTa and MPNet. */
export function robertaPrediction(source: EncoderSource, hidden: Value, defaultEpsilon: number): Value {
  const { graph, config, weights, sizes } = source;
  const { hiddenSize, vocabularySize } = sizes;
  const head = weights.within('lm_head');
  const transformed = headTransform(graph, 'prediction', hidden, {
    matrix: head.matrix('dense', hiddenSize, hiddenSize),
    bias: head.bias('dense', hiddenSize),
    activation: 'gelu',
    norm: head.norm('layer_norm', hiddenSize, config.positive('layer_norm_eps', defaultEpsilon)),
  });
  const table = config.flag('tie_word_embeddings', true)
    ? wordTable(source)
    : embeddingTable(graph, 'prediction.words', head.weight('decoder.weight', [vocabularySize, hiddenSize]));
  const bias = head.weight('bias', [vocabularySize]);
  return vocabularyLogits(graph, 'vocabulary', transformed, table, {
    size: vocabularySize,
    load: () => bias.load(),
  });
}
