import type { SamplingParameters } from '../types.js';

/** Which tokens a sequence has seen: what its penalties depend on. */
export class TokenCounts {
  /** Ids of the prompt. */
  readonly prompt: ReadonlySet<number>;
  /** Generated ids and how often each came. */
  readonly generated = new Map<number, number>();

  constructor(promptIds: readonly number[]) {
    this.prompt = new Set(promptIds);
  }

  add(id: number): void {
    this.generated.set(id, (this.generated.get(id) ?? 0) + 1);
  }
}

/** Whether penalties or biases change any logit. */
export function changesLogits(sampling: SamplingParameters): boolean {
  const { logitBias, sourceRepetitionPenalty = 1 } = sampling;
  return needsCounts(sampling) || logitBias.size > 0 || sourceRepetitionPenalty !== 1;
}

/** Whether the tokens seen so far matter. */
export function needsCounts({
  repetitionPenalty,
  presencePenalty,
  frequencyPenalty,
}: SamplingParameters): boolean {
  return repetitionPenalty !== 1 || presencePenalty !== 0 || frequencyPenalty !== 0;
}

/** The largest finite float. */
const LARGEST = 2 ** 128 - 2 ** 104;

/**
 * Changes logits in place: repetition penalty (on source, then on prompt and output), then presence and
 * frequency penalty (on the output), then bias. What was finite stays finite, so that no penalty excludes a
 * token.
 *
 * @param logits `[vocabulary]`
 * @param sourceIds of a source that a decoder attends to.
 * @param zero the logit that is neither positive nor negative.
 */
export function applyPenalties(
  logits: Float32Array,
  sampling: SamplingParameters,
  counts: TokenCounts | undefined,
  sourceIds: readonly number[] = [],
  zero = 0,
): void {
  const { repetitionPenalty, presencePenalty, frequencyPenalty, logitBias } = sampling;
  const { sourceRepetitionPenalty = 1 } = sampling;
  const scale = (id: number, penalty: number): void => {
    const logit = logits[id]! - zero;
    if (logit === -Infinity) return;
    logits[id] = finite(zero + (logit > 0 ? logit / penalty : logit * penalty));
  };
  if (sourceRepetitionPenalty !== 1)
    for (const id of new Set(sourceIds)) scale(id, 1 / sourceRepetitionPenalty);
  if (counts !== undefined) {
    if (repetitionPenalty !== 1) {
      const penalize = (id: number): void => scale(id, repetitionPenalty);
      counts.prompt.forEach(penalize);
      for (const id of counts.generated.keys()) if (!counts.prompt.has(id)) penalize(id);
    }
    if (presencePenalty !== 0 || frequencyPenalty !== 0) {
      for (const [id, count] of counts.generated) logits[id]! -= presencePenalty + frequencyPenalty * count;
    }
  }
  for (const [id, bias] of logitBias) logits[id]! += bias;
}

function finite(logit: number): number {
  return Math.max(-LARGEST, Math.min(LARGEST, logit));
}
