import { headTransform } from '../../blocks/prediction-head.js';
import { pool } from '../../blocks/sentence-embedding.js';
import { listedBy, projectOntoLabels, type Head, type ProjectionDesign } from './head.js';

/** A classifier of whole texts. */
export interface SequenceClassifier extends ProjectionDesign {
  /** Makes one vector of a text. */
  readonly pooling: 'cls' | 'mean' | 'lasttoken';
  /** True if the layer before the projection reads tokens, and what it gives is pooled. */
  readonly transformsTokens?: boolean;
}

/** Logits of texts, `[texts, labels]`. */
export function sequenceClassification(classifier: SequenceClassifier, labels: number): Head {
  const { pooling } = classifier;
  return {
    listed: listedBy([pooling]),
    width: labels,
    write(source, hidden) {
      const { graph, batch, sizes } = source;
      const { transform, transformsTokens = false } = classifier;
      const isBefore = transformsTokens && transform !== undefined;
      const tokens = isBefore ? headTransform(graph, 'head', hidden, transform(source)) : hidden;
      const pooled = pool(graph, batch, tokens, sizes.hiddenSize, [pooling]);
      const { projection, hasBias } = classifier;
      return projectOntoLabels(source, pooled, isBefore ? { projection, hasBias } : classifier, labels);
    },
  };
}
