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
  return needsCounts(sampling) || sampling.logitBias.size > 0;
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
 * Changes logits in place: repetition penalty (on prompt and output), then presence and frequency penalty (on
 * the output), then bias. What was finite stays finite, so that no penalty excludes a token.
 *
 * @param logits `[vocabulary]`
 */
export function applyPenalties(
  logits: Float32Array,
  sampling: SamplingParameters,
  counts: TokenCounts | undefined,
): void {
  const { repetitionPenalty, presencePenalty, frequencyPenalty, logitBias } = sampling;
  if (counts !== undefined) {
    if (repetitionPenalty !== 1) {
      const penalize = (id: number): void => {
        const logit = logits[id]!;
        logits[id] = finite(logit > 0 ? logit / repetitionPenalty : logit * repetitionPenalty);
      };
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
