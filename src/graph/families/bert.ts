import {
  embeddingSizeOf,
  headSizeOf,
  type EncoderArchitecture,
  type EncoderSizes,
  type EncoderSource,
} from '../assembly/encoder-architecture.js';
import { bertEncoder, storedPositions, type BertDesign } from '../assembly/bert-design.js';
import type { EncoderHeads } from '../assembly/heads/index.js';
import { namedLayer, type LayerNames } from '../assembly/layer-weights.js';
import type { SequenceClassifier } from '../assembly/heads/sequence-classification.js';
import { activationOf } from '../blocks/activation.js';
import type { TransformWeights } from '../blocks/prediction-head.js';
import { MOST, type ModelConfig } from '../config.js';

/**
 * BERT (Devlin et al. 2018), and MiniLM, which has its form. Weight names are those of Hugging Face's
 * `BertModel`.
 */
export const bert: EncoderArchitecture = {
  modelTypes: ['bert'],
  bodyName: 'bert',
  embedding: 'embeddings.word_embeddings.weight',

  sizes: config => bertSizes(config, 0),
  hiddenStates: source => bertEncoder(source, bertDesign(source)),
  heads: bertHeads,
};

/** BERT's own layers, with the fields of config.json that they have. */
export function bertDesign(
  source: EncoderSource,
  { layer = bertLayer, ...positioned }: DesignOptions = {},
): BertDesign {
  const { config } = source;
  const intermediateSize = config.size('intermediate_size');
  return {
    positions:
      'positions' in positioned ? positioned.positions : storedPositions(source, positioned.firstPosition),
    epsilon: config.positive('layer_norm_eps', 1e-12),
    activation: activationOf(config, 'hidden_act', 'gelu'),
    layer: index => namedLayer(source, layer(index), intermediateSize),
  };
}

interface DesignOptions {
  /** Names of a layer's weights. */
  readonly layer?: (index: number) => LayerNames;
  /** Rows of the position table that no token uses. */
  readonly firstPosition?: number;
  /** What is there in place of the position table. */
  readonly positions?: BertDesign['positions'];
}

/** All heads that BERT's checkpoints have. */
export function bertHeads(): EncoderHeads {
  return {
    ...TOKEN_HEADS,
    'sequence-classification': pooledClassifier('pooler.dense'),
    'fill-mask': {
      matrix: 'cls.predictions.decoder.weight',
      bias: 'cls.predictions.bias',
      transform: source => predictionTransform(source, 'cls.predictions.transform'),
    },
  };
}

/** A classifier of a text's first token, behind a layer of the body. @param pooler its name. */
export function pooledClassifier(pooler: string): SequenceClassifier {
  return {
    pooling: 'cls',
    projection: 'classifier',
    transform: ({ body, sizes: { hiddenSize } }) => ({
      matrix: body.matrix(pooler, hiddenSize, hiddenSize),
      bias: body.bias(pooler, hiddenSize),
      activation: 'tanh',
    }),
  };
}

/**
 * The layer before the projection onto the vocabulary.
 *
 * @param prefix of its weights.
 * @param names of its two parts.
 */
export function predictionTransform(
  { config, weights, sizes }: EncoderSource,
  prefix: string,
  { dense = 'dense', norm = 'LayerNorm', activation = activationOf(config, 'hidden_act', 'gelu') } = {},
): TransformWeights {
  const own = weights.within(prefix);
  const width = embeddingSizeOf(sizes);
  return {
    matrix: own.matrix(dense, width, sizes.hiddenSize),
    bias: own.bias(dense, width),
    activation,
    norm: own.norm(norm, width, config.positive('layer_norm_eps', 1e-12)),
  };
}

/** The heads for tokens, which BERT's descendants have taken over. */
export const TOKEN_HEADS: EncoderHeads = {
  'token-classification': { projection: 'classifier' },
  'question-answering': { projection: 'qa_outputs' },
};

/**
 * Sizes by BERT's field names.
 *
 * @param firstPosition rows of the position table that no token uses.
 * @param positions how positions come in; others are refused.
 */
export function bertSizes(
  config: ModelConfig,
  firstPosition: number,
  positions: readonly string[] = ['absolute'],
): EncoderSizes {
  config.choice('position_embedding_type', positions, positions[0]);
  if (config.flag('is_decoder', false))
    config.unsupported('is_decoder is true: an encoder whose tokens see none behind them');
  const hiddenSize = config.size('hidden_size', undefined, MOST.width);
  const heads = config.size('num_attention_heads');
  const contextLength = config.size('max_position_embeddings', undefined, MOST.context) - firstPosition;
  if (contextLength < 1) config.invalid('max_position_embeddings leaves no position for a token');
  return {
    layers: config.size('num_hidden_layers', undefined, MOST.layers),
    hiddenSize,
    heads,
    headSize: headSizeOf(config, hiddenSize, heads),
    vocabularySize: config.size('vocab_size'),
    segments: Math.max(1, config.count('type_vocab_size', 2)),
    contextLength,
  };
}

/** Names in a layer of BERT and RoBERTa. */
export function bertLayer(index: number): LayerNames {
  const prefix = `encoder.layer.${index}`;
  return {
    query: `${prefix}.attention.self.query`,
    key: `${prefix}.attention.self.key`,
    value: `${prefix}.attention.self.value`,
    output: `${prefix}.attention.output.dense`,
    attentionNorm: `${prefix}.attention.output.LayerNorm`,
    up: `${prefix}.intermediate.dense`,
    down: `${prefix}.output.dense`,
    feedForwardNorm: `${prefix}.output.LayerNorm`,
  };
}
