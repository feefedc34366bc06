import { projectOntoLabels, type Head, type ProjectionDesign } from './head.js';

/** Logits of tokens, `[tokens, labels]`. */
export function tokenClassification(classifier: ProjectionDesign, labels: number): Head {
  return {
    listed: undefined,
    width: labels,
    write: (source, hidden) => projectOntoLabels(source, hidden, classifier, labels),
  };
}
