import type { ProjectionDesign, Head } from './head.js';
import { tokenClassification } from './token-classification.js';

/**
 * Logits of a span's first and last token, `[tokens, 2]` (BERT, Devlin et al. 2018, section 4.2): a
 * classifier of tokens with two labels.
 */
export function questionAnswering(spans: ProjectionDesign): Head {
  return tokenClassification(spans, 2);
}
