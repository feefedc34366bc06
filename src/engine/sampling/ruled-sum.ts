import type { EntryLogits } from '#model/decoder/contract.js';
import { expWeight, NEGLIGIBLE } from './fast-exp.js';
import { logSumExp } from './log-sum-exp.js';

/** A smaller share is not told by a difference: too few of its digits are right. */
const LEAST_LEFT = 0.1;

/**
 * {@link logSumExp} of what rules leave of a row. Where it is known of the row as it was, and they do no more than
 * exclude tokens, only what they excluded is summed up: for Whisper's timestamps, a fifth of the work.
 *
 * One instance serves all sequences of an engine: its buffer is reused from row to row.
 */
export class RuledSum {
  readonly #before: Float32Array;
  #logSum: number | undefined;
  #bounds: Float32Array | undefined;

  constructor(vocabularySize: number) {
    this.#before = new Float32Array(vocabularySize);
  }

  /**
   * Notes a row before rules change it.
   *
   * @param excludes whether they will do no more than exclude tokens.
   */
  begin({ logits, maxima, logSums }: EntryLogits, excludes: boolean): void {
    this.#bounds = excludes ? maxima : undefined;
    this.#logSum = excludes ? logSums?.[0] : undefined;
    if (this.#logSum !== undefined) this.#before.set(logits);
  }

  /** @param logits of the same row, when rules have changed it. */
  end(logits: Float32Array): number {
    const logSum = this.#logSum;
    if (logSum === undefined) return logSumExp(logits, this.#bounds);
    const left = shareLeft(logits, this.#before, logSum);
    return left > LEAST_LEFT ? logSum + Math.log(left) : logSumExp(logits, this.#bounds);
  }
}

/** What -Infinity is as an integer (IEEE 754). */
const NOTHING = 0xff800000 | 0;

/**
 * What is left of the sum of exponentials, as a share of it, when some logits are -Infinity. These are looked for by
 * their bits, eight to a branch, as in `argmax`.
 */
function shareLeft(logits: Float32Array, before: Float32Array, logSum: number): number {
  const bits = new Int32Array(logits.buffer, logits.byteOffset, logits.length);
  const floor = logSum - NEGLIGIBLE;
  let left = 1;
  for (let begin = 0; begin < bits.length; begin += 8) {
    const end = Math.min(begin + 8, bits.length);
    if (
      end === begin + 8 &&
      bits[begin] !== NOTHING &&
      bits[begin + 1] !== NOTHING &&
      bits[begin + 2] !== NOTHING &&
      bits[begin + 3] !== NOTHING &&
      bits[begin + 4] !== NOTHING &&
      bits[begin + 5] !== NOTHING &&
      bits[begin + 6] !== NOTHING &&
      bits[begin + 7] !== NOTHING
    )
      continue;
    for (let id = begin; id < end; id++) {
      if (bits[id] !== NOTHING) continue;
      const logit = before[id]!;
      if (logit >= floor) left -= expWeight(Math.max(0, logSum - logit));
    }
  }
  return left;
}
