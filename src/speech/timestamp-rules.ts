import type { TokenConstraint } from '#engine/types.js';

/** What {@link TimestampRules} must know of a vocabulary. */
export interface TimestampRuleIds {
  /** Ends a text; ids below it are text. */
  readonly end: number;
  readonly noTimestamps: number;
  /** Ids from here on are times. */
  readonly timestampBegin: number;
  /** Never written; ids below `timestampBegin`. */
  readonly suppressed: readonly number[];
  /** The latest time that may come first, counted from `timestampBegin`. */
  readonly maxInitialTimestamp: number;
}

/**
 * What Whisper may write: times around each segment (openai/whisper, `decoding.py`: `SuppressTokens`,
 * `ApplyTimestampRules`; `SuppressBlank` is met by the first rule).
 *
 * - A time comes first, and an early one.
 * - Times come in pairs, the end of a segment and the beginning of the next, but for the first, and the last
 *   before the end of the text.
 * - They do not decrease, and no segment has a length of 0.
 * - Where all times together are more probable than the most probable other token, a time comes.
 *
 * It does not see to it that a text is brought to its end.
 */
export class TimestampRules implements TokenConstraint {
  readonly complete = false;
  readonly shortened = false;
  readonly #ids: TimestampRuleIds;
  #isFirst = true;
  #lastWasTimestamp = false;
  /** Where there are less than two tokens, this counts as one, too. */
  #penultimateWasTimestamp = true;
  #lastTimestamp = -1;

  constructor(ids: TimestampRuleIds) {
    this.#ids = ids;
  }

  mask(logits: Float32Array): void {
    const { end, noTimestamps, timestampBegin: begin, suppressed, maxInitialTimestamp } = this.#ids;
    if (this.#isFirst) {
      logits.fill(-Infinity, 0, begin);
      logits.fill(-Infinity, begin + maxInitialTimestamp + 1);
      return;
    }
    for (const id of suppressed) logits[id] = -Infinity;
    logits[noTimestamps] = -Infinity;
    let from = 0;
    if (this.#lastWasTimestamp) {
      if (this.#penultimateWasTimestamp) {
        logits.fill(-Infinity, begin);
        return;
      }
      logits.fill(-Infinity, 0, end);
      from = end;
    }
    if (this.#lastTimestamp >= 0)
      logits.fill(-Infinity, begin, this.#lastTimestamp + (this.#lastWasTimestamp ? 0 : 1));
    if (timestampComes(logits, from, begin)) logits.fill(-Infinity, from, begin);
  }

  accept(id: number): void {
    this.#penultimateWasTimestamp = this.#isFirst || this.#lastWasTimestamp;
    this.#isFirst = false;
    this.#lastWasTimestamp = id >= this.#ids.timestampBegin;
    if (this.#lastWasTimestamp) this.#lastTimestamp = id;
  }

  fork(): TimestampRules {
    const other = new TimestampRules(this.#ids);
    other.#isFirst = this.#isFirst;
    other.#lastWasTimestamp = this.#lastWasTimestamp;
    other.#penultimateWasTimestamp = this.#penultimateWasTimestamp;
    other.#lastTimestamp = this.#lastTimestamp;
    return other;
  }
}

/** Whether the probabilities of all times, summed up, are above that of each token in `[from, begin)`. */
function timestampComes(logits: Float32Array, from: number, begin: number): boolean {
  let max = -Infinity;
  for (let id = begin; id < logits.length; id++) if (logits[id]! > max) max = logits[id]!;
  if (max === -Infinity) return false;
  // Mostly, no sum is needed to know.
  const limit = max + Math.log(logits.length - begin);
  let text = -Infinity;
  for (let id = from; id < begin; id++) {
    const logit = logits[id]!;
    if (logit <= text) continue;
    if (logit > limit) return false;
    text = logit;
  }
  if (max > text) return true;
  let sum = 0;
  for (let id = begin; id < logits.length; id++) sum += Math.exp(logits[id]! - max);
  return max + Math.log(sum) > text;
}
