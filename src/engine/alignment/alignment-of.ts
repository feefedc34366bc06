import type { AlignedText } from '#model/decoder/contract.js';
import { Turns } from '#turns.js';
import { checkLogits } from '../sampling/check-logits.js';
import { logSumExp } from '../sampling/log-sum-exp.js';
import type { Alignment, AlignRequest } from '../types.js';

/**
 * What is told of a text that was held against its sound; in turns with others.
 *
 * @param aligned is read, and not kept.
 * @throws KvasirError `broken_model` where the logits are no numbers
 */
export async function alignmentOf(
  { heads, weights, logits }: AlignedText,
  { ids, belowId }: Pick<AlignRequest, 'ids' | 'belowId'>,
): Promise<Alignment> {
  const vocabularySize = logits.length / ids.length;
  const probabilities = new Float32Array(ids.length - 1);
  const turns = new Turns();
  for (let i = 0; i < probabilities.length; i++) {
    const row = logits.subarray(i * vocabularySize, i * vocabularySize + belowId);
    checkLogits(row);
    const id = ids[i + 1]!;
    if (id < belowId) probabilities[i] = Math.exp(row[id]! - logSumExp(row));
    if (turns.isOver) await turns.next();
  }
  return { heads, weights: weights.slice(), probabilities };
}
