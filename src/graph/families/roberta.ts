import type { EncoderArchitecture } from '../assembly/encoder-architecture.js';
import type { EncoderHeads } from '../assembly/heads/index.js';
import { bertEncoder } from '../assembly/bert-design.js';
import type { SequenceClassifier } from '../assembly/heads/sequence-classification.js';
import type { Activation } from '../blocks/activation.js';
import type { ModelConfig } from '../config.js';
import { bertDesign, bertSizes, predictionTransform, TOKEN_HEADS } from './bert.js';

/**
 * RoBERTa (Liu et al. 2019), XLM-RoBERTa (Conneau et al. 2019) and CamemBERT. Weight names are those of
 * Hugging Face's `RobertaModel`.
 */
export const roberta: EncoderArchitecture = robertaFamily(['roberta', 'xlm-roberta', 'camembert'], 'roberta');

/** The text model of data2vec (Baevski et al. 2022), of RoBERTa's form. */
export const data2vecText = robertaFamily(['data2vec-text'], 'data2vec_text');

function robertaFamily(modelTypes: readonly string[], bodyName: string): EncoderArchitecture {
  return {
    modelTypes,
    bodyName,
    embedding: 'embeddings.word_embeddings.weight',

    sizes: config => bertSizes(config, firstPosition(config)),

    hiddenStates: source =>
      bertEncoder(source, bertDesign(source, { firstPosition: firstPosition(source.config) })),

    heads: robertaHeads,
  };
}

/** Positions are counted from the padding's id on, as fairseq does. */
export function firstPosition(config: ModelConfig): number {
  return config.count('pad_token_id', 1) + 1;
}

/** The heads of RoBERTa and its descendants. */
export function robertaHeads(): EncoderHeads {
  return {
    ...TOKEN_HEADS,
    'sequence-classification': classifierOf('tanh'),
    'fill-mask': {
      matrix: 'lm_head.decoder.weight',
      bias: 'lm_head.bias',
      transform: source => predictionTransform(source, 'lm_head', { norm: 'layer_norm', activation: 'gelu' }),
    },
  };
}

/** A classifier of a text's first token with a layer of its own. */
export function classifierOf(activation: Activation): SequenceClassifier {
  return {
    pooling: 'cls',
    projection: 'classifier.out_proj',
    transform: ({ weights, sizes: { hiddenSize } }) => ({
      matrix: weights.matrix('classifier.dense', hiddenSize, hiddenSize),
      bias: weights.bias('classifier.dense', hiddenSize),
      activation,
    }),
  };
}
