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
   * @param maxima the largest of each of equal blocks of `logits`, where they are known.
   */
  sample(
    logits: Float32Array,
    { temperature, topK, topP, minP }: SamplingParameters,
    random: Random,
    maxima?: Float32Array,
  ): number {
    const best = maxima === undefined ? argmax(logits) : argmaxByBlocks(logits, maxima);
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

/**
 * Index of the largest value; the first of equal ones. NaN never wins.
 *
 * Positive floats are ordered like the integers that their bits spell (IEEE 754), and integers are compared without a conversion, eight to
 * a branch that is hardly ever taken: a third of the time of the plain loop, which remains for rows without a positive value and with NaN.
 */
export function argmax(values: Float32Array): number {
  const bits = new Int32Array(values.buffer, values.byteOffset, values.length);
  const whole = bits.length & ~7;
  let best = -1;
  let max = 0;
  for (let i = 0; i < whole; i += 8) {
    if (
      bits[i]! > max ||
      bits[i + 1]! > max ||
      bits[i + 2]! > max ||
      bits[i + 3]! > max ||
      bits[i + 4]! > max ||
      bits[i + 5]! > max ||
      bits[i + 6]! > max ||
      bits[i + 7]! > max
    ) {
      for (let j = i; j < i + 8; j++) {
        if (bits[j]! > max) {
          max = bits[j]!;
          best = j;
        }
      }
    }
  }
  for (let i = whole; i < bits.length; i++) {
    if (bits[i]! > max) {
      max = bits[i]!;
      best = i;
    }
  }
  return max > 0 && max <= INFINITY_BITS ? best : argmaxOfAny(values);
}

/** The same, by way of the largest value of each of equal blocks. */
function argmaxByBlocks(values: Float32Array, maxima: Float32Array): number {
  const size = values.length / maxima.length;
  const start = argmax(maxima) * size;
  return start + argmax(values.subarray(start, start + size));
}

/** Positive NaNs have larger bits than this. */
const INFINITY_BITS = 0x7f800000;

function argmaxOfAny(values: Float32Array): number {
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
