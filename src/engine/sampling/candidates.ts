import type { Noise } from './noise.js';

/**
 * Token candidates with weights, in buffers that are reused. `pop` takes them best first from a binary heap,
 * so that finding the few tokens of a nucleus costs one pass over the vocabulary, not a sort of it.
 */
export class Candidates {
  readonly #ids: Int32Array;
  readonly #weights: Float64Array;
  /** `[0, heap)` are still unsorted; `[heap, count)` were taken, the best last. */
  #count = 0;
  #heap = 0;

  constructor(capacity: number) {
    this.#ids = new Int32Array(capacity);
    this.#weights = new Float64Array(capacity);
  }

  /** Forgets all candidates. */
  clear(): void {
    this.#count = 0;
  }

  /** @param weight `>= 0`, relative to the others. */
  add(id: number, weight: number): void {
    this.#ids[this.#count] = id;
    this.#weights[this.#count] = weight;
    this.#count++;
  }

  /**
   * Keeps the `topK` best candidates (0: all), and of those the smallest set of best ones that holds a share
   * `topP` of their weight.
   */
  truncate(topK: number, topP: number): void {
    const limit = topK > 0 ? Math.min(topK, this.#count) : this.#count;
    if (limit === this.#count && topP >= 1) return;
    this.#heap = this.#count;
    for (let i = (this.#heap >> 1) - 1; i >= 0; i--) this.#siftDown(i);

    let total = 0;
    if (limit === this.#count) total = this.#sum(0, this.#count);
    let kept = 0;
    let reached = 0;
    while (kept < limit && (limit < this.#count || reached < topP * total)) {
      reached += this.#pop();
      kept++;
    }
    const end = this.#count;
    let start = end - kept;
    if (limit < this.#count && topP < 1) {
      // The total is only known once all of the top-k are out; the best ones stand last.
      let sum = 0;
      let i = end;
      while (i > start && sum < topP * reached) sum += this.#weights[--i]!;
      start = i;
    }
    this.#ids.copyWithin(0, start, end);
    this.#weights.copyWithin(0, start, end);
    this.#count = end - start;
  }

  /** The winner of the candidates' race, see `Sampler`. */
  draw(noise: Noise): number {
    let best = this.#ids[0]!;
    let first = Infinity;
    for (let i = 0; i < this.#count; i++) {
      const weight = this.#weights[i]!;
      const uniform = noise.uniform(this.#ids[i]!);
      // The logarithm is larger still: most candidates are told without it.
      if (1 - uniform >= first * weight) continue;
      const time = -Math.log(uniform) / weight;
      if (time < first) {
        first = time;
        best = this.#ids[i]!;
      }
    }
    return best;
  }

  #sum(start: number, end: number): number {
    let sum = 0;
    for (let i = start; i < end; i++) sum += this.#weights[i]!;
    return sum;
  }

  /** Moves the best one behind the heap and returns its weight. */
  #pop(): number {
    this.#heap--;
    this.#swap(0, this.#heap);
    this.#siftDown(0);
    return this.#weights[this.#heap]!;
  }

  #siftDown(start: number): void {
    let parent = start;
    for (;;) {
      let best = parent;
      for (let child = 2 * parent + 1; child <= 2 * parent + 2; child++) {
        if (child < this.#heap && this.#better(child, best)) best = child;
      }
      if (best === parent) return;
      this.#swap(parent, best);
      parent = best;
    }
  }

  /** Equal weights are ordered by id, so that the result does not depend on the heap's shape. */
  #better(a: number, b: number): boolean {
    const difference = this.#weights[a]! - this.#weights[b]!;
    return difference > 0 || (difference === 0 && this.#ids[a]! < this.#ids[b]!);
  }

  #swap(a: number, b: number): void {
    const id = this.#ids[a]!;
    const weight = this.#weights[a]!;
    this.#ids[a] = this.#ids[b]!;
    this.#weights[a] = this.#weights[b]!;
    this.#ids[b] = id;
    this.#weights[b] = weight;
  }
}
