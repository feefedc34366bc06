/**
 * Arrays for what runs give, in memory that is kept from step to step: logits of some rows are megabytes, and
 * as many thrown away in each step keep the garbage collector busy.
 */
export class KeptFloats {
  readonly #most: number;
  #memory = new Float32Array(0);
  #taken = 0;

  /** @param most floats that are kept; what goes beyond them is allocated for the occasion. */
  constructor(most: number) {
    this.#most = most;
  }

  /** Nobody reads what was taken before any more. */
  reset(): void {
    this.#taken = 0;
  }

  /** An array with any content, which no other one overlaps until {@link reset}. */
  take(length: number): Float32Array {
    const end = this.#taken + length;
    if (end > this.#most) return new Float32Array(length);
    if (end > this.#memory.length) {
      // Those who have the former memory keep it.
      this.#memory = new Float32Array(Math.min(this.#most, Math.max(end, 2 * this.#memory.length)));
    }
    const floats = this.#memory.subarray(this.#taken, end);
    this.#taken = end;
    return floats;
  }
}
