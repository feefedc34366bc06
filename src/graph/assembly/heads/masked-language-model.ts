import { embeddingTable } from '../../blocks/embedding.js';
import { headTransform, vocabularyLogits, type TransformWeights } from '../../blocks/prediction-head.js';
import { embeddingSizeOf, wordTable, type EncoderSource } from '../encoder-architecture.js';
import type { Head } from './head.js';

/** The head of a masked language model, by the full names of its weights. */
export interface MaskedLanguageModel {
  /** A layer before the projection. */
  readonly transform?: (source: EncoderSource) => TransformWeights;
  /** Matrix of the projection, where it is not the token embeddings'. */
  readonly matrix: string;
  readonly bias: string | undefined;
}

/**
 * Logits of the words that may stand at a position, `[positions, vocabulary]` (BERT, Devlin et al. 2018,
 * section 3.1).
 */
export function maskedLanguageModel(design: MaskedLanguageModel, vocabularySize: number): Head {
  return {
    listed: 'positions',
    width: vocabularySize,
    write(source, hidden) {
      const { graph, config, weights, sizes } = source;
      const transformed =
        design.transform === undefined
          ? hidden
          : headTransform(graph, 'prediction', hidden, design.transform(source));
      const table = config.flag('tie_word_embeddings', true)
        ? wordTable(source)
        : embeddingTable(
            graph,
            'prediction.words',
            weights.weight(design.matrix, [vocabularySize, embeddingSizeOf(sizes)]),
          );
      const bias = design.bias === undefined ? undefined : weights.vector(design.bias, vocabularySize);
      return vocabularyLogits(graph, 'vocabulary', transformed, table, bias);
    },
  };
}
