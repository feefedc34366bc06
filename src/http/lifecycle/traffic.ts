/** Seconds over which the speed is measured. */
const WINDOW = 60;

/** OpenAI's clients wait as long as they are told only below a minute. */
const LONGEST_WAIT = 59;

/** How many requests are under way, and how fast they come to an end. */
export class Traffic {
  #underWay = 0;
  /** Ends by second, in a ring; each with the second that it counts for. */
  readonly #ends = new Uint32Array(WINDOW);
  readonly #seconds = new Float64Array(WINDOW).fill(-Infinity);
  #first: number | undefined;

  /** Requests that have begun and not ended. */
  get underWay(): number {
    return this.#underWay;
  }

  /** @param now milliseconds of a clock that never goes back. */
  begin(now: number): void {
    this.#underWay++;
    this.#first ??= now / 1000;
  }

  /** @param answered whether it counts: one that was refused says nothing about the speed. */
  end(answered: boolean, now: number): void {
    this.#underWay--;
    if (!answered) return;
    const second = Math.floor(now / 1000);
    const index = second % WINDOW;
    if (this.#seconds[index] !== second) this.#ends[index] = 0;
    this.#seconds[index] = second;
    this.#ends[index]!++;
  }

  /**
   * Whole seconds, at least 1, until what is under way will have ended at the speed of the last minute; 1
   * while that is not known.
   */
  secondsToDrain(now: number): number {
    const seconds = now / 1000;
    const ended = this.#ends.reduce(
      (sum, count, i) => (this.#seconds[i]! > seconds - WINDOW ? sum + count : sum),
      0,
    );
    if (ended === 0 || this.#first === undefined) return 1;
    const elapsed = Math.max(1, Math.min(WINDOW, seconds - this.#first));
    return Math.min(LONGEST_WAIT, Math.max(1, Math.ceil((this.#underWay * elapsed) / ended)));
  }
}
