/**
 * Function from logits to scores: probabilities that add up to 1, one probability each, or the logits as they
 * are.
 */
type Activation = 'softmax' | 'sigmoid' | 'none';

/** Numbers in a row, such as a row of logits. */
export type Numbers = ArrayLike<number>;

export function activate(logits: Numbers, activation: Activation): number[] {
  switch (activation) {
    case 'softmax':
      return softmax(logits);
    case 'sigmoid':
      return Array.from(logits, sigmoid);
    case 'none':
      return Array.from(logits);
  }
}

export function softmax(logits: Numbers): number[] {
  const max = maximum(logits);
  const weights = Array.from(logits, logit => Math.exp(logit - max));
  const sum = weights.reduce((total, weight) => total + weight, 0);
  return weights.map(weight => weight / sum);
}

export function sigmoid(logit: number): number {
  return 1 / (1 + Math.exp(-logit));
}

/** The position of the largest number; of equal ones the first, and 0 where there are none. */
export function argMax(values: Numbers): number {
  let best = 0;
  for (let i = 1; i < values.length; i++) if (values[i]! > values[best]!) best = i;
  return best;
}

/** Positions from the largest number to the smallest; of equal ones the first comes first. */
export function descending(values: Numbers): number[] {
  return Array.from(values, (_, index) => index).sort((a, b) => values[b]! - values[a]!);
}

function maximum(values: Numbers): number {
  let max = -Infinity;
  for (let i = 0; i < values.length; i++) if (values[i]! > max) max = values[i]!;
  return max;
}
