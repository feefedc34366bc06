import { Candidates } from './candidates.js';
import type { Random } from './random.js';
import type { SamplingParameters } from './types.js';

/**
 * Tokens whose weight relative to the best one is below e^-30 are never considered: all 2^17 of a large vocabulary together weigh less
 * than one part in 10^7, and skipping them saves most of the exponentials.
 */
const NEGLIGIBLE = 30;

/** Draws tokens. One instance serves all sequences of an engine: its buffers are reused from call to call. */
export class Sampler {
  readonly #candidates: Candidates;

  constructor(vocabularySize: number) {
    this.#candidates = new Candidates(vocabularySize);
  }

  /**
   * Draws one token: temperature, then min-p, then top-k, then top-p. The weights are exp((logit - max) / temperature).
   *
   * @param logits `[vocabulary]`, penalties already applied.
   */
  sample(
    logits: Float32Array,
    { temperature, topK, topP, minP }: SamplingParameters,
    random: Random,
  ): number {
    const best = argmax(logits);
    if (temperature === 0) return best;
    const max = logits[best]!;
    const threshold = max - temperature * Math.min(NEGLIGIBLE, -Math.log(minP));
    this.#candidates.clear();
    for (let id = 0; id < logits.length; id++) {
      const logit = logits[id]!;
      if (logit >= threshold) this.#candidates.add(id, Math.exp((logit - max) / temperature));
    }
    this.#candidates.truncate(topK, topP);
    return this.#candidates.draw(random());
  }
}

/** Index of the largest value; the first of equal ones. NaN never wins. */
export function argmax(values: Float32Array): number {
  let best = 0;
  let max = -Infinity;
  for (let i = 0; i < values.length; i++) {
    if (values[i]! > max) {
      max = values[i]!;
      best = i;
    }
  }
  return best;
}
