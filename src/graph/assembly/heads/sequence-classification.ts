import { pool } from '../../blocks/sentence-embedding.js';
import { listedBy, projectOntoLabels, type Head, type ProjectionDesign } from './head.js';

/** A classifier of whole texts. */
export interface SequenceClassifier extends ProjectionDesign {
  /** Makes one vector of a text. */
  readonly pooling: 'cls' | 'mean' | 'lasttoken';
}

/** Logits of texts, `[texts, labels]`. */
export function sequenceClassification(classifier: SequenceClassifier, labels: number): Head {
  const { pooling } = classifier;
  return {
    listed: listedBy([pooling]),
    width: labels,
    write(source, hidden) {
      const pooled = pool(source.graph, source.batch, hidden, source.sizes.hiddenSize, [pooling]);
      return projectOntoLabels(source, pooled, classifier, labels);
    },
  };
}
