import { topIds } from '#engine/sampling/log-probabilities.js';

/** A token for a mask, and its probability. */
interface MaskFilling {
  readonly id: number;
  readonly score: number;
}

/**
 * The most probable tokens for one mask, the best first.
 *
 * @param logits `[vocabulary]`
 * @param candidates only these ids, each once; undefined: the whole vocabulary. Probabilities are those among
 * the whole vocabulary.
 */
export function fillMask(logits: Float32Array, topK: number, candidates?: readonly number[]): MaskFilling[] {
  let max = -Infinity;
  for (let id = 0; id < logits.length; id++) max = Math.max(max, logits[id]!);
  let sum = 0;
  for (let id = 0; id < logits.length; id++) sum += Math.exp(logits[id]! - max);
  const ids =
    candidates === undefined
      ? topIds(logits, topK)
      : [...candidates].sort((a, b) => logits[b]! - logits[a]!).slice(0, topK);
  return ids.map(id => ({ id, score: Math.exp(logits[id]! - max) / sum }));
}
