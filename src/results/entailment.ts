import { softmax } from './scores.js';

/** Where among a classifier's labels stands that a text follows from another. */
export interface EntailmentLabels {
  readonly entailment: number;
  /** The label that speaks against it. */
  readonly contradiction: number;
}

/**
 * The labels as transformers finds them: entailment is the one whose name begins so, and against it speaks the
 * first label, or the last one where the first is entailment. Undefined where no name begins so: a classifier of
 * something else.
 */
export function entailmentLabels(labels: readonly string[]): EntailmentLabels | undefined {
  const entailment = labels.findLastIndex(label => label.toLowerCase().startsWith('entail'));
  if (entailment < 0 || labels.length < 2) return undefined;
  return { entailment, contradiction: entailment === 0 ? labels.length - 1 : 0 };
}

/**
 * Scores of statements about one text, from the logits of each (Yin et al. 2019): probabilities of one statement
 * among the others, or of each by itself.
 *
 * @param logits of each statement, one for each label.
 */
export function statementScores(
  logits: readonly Float32Array[],
  { entailment, contradiction }: EntailmentLabels,
  areIndependent: boolean,
): number[] {
  if (areIndependent || logits.length === 1)
    return logits.map(row => softmax([row[contradiction]!, row[entailment]!])[1]!);
  return softmax(logits.map(row => row[entailment]!));
}
