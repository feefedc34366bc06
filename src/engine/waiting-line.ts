import { FairQueue, type Party } from '#fair-queue.js';

/** What a waiting line must know of a sequence. */
export interface Queued {
  /** Smaller comes first. */
  readonly priority: number;
  /** Whose turns it takes among those of its priority: its client's, and of these its request's. */
  readonly party: Party;
  /** How many turns it takes: one for each slot; default 1. */
  readonly width?: number;
}

/** Those that wait with one priority. */
interface Level<S> {
  readonly priority: number;
  /** Those that had a slot before, the next one last. */
  readonly returned: S[];
  readonly line: FairQueue<S>;
}

/**
 * Sequences that wait for a slot. The more urgent come first; of these, those that had to give a slot back,
 * and then the others, whose clients take turns, as do a client's requests. All calls cost the same however
 * many wait.
 */
export class WaitingLine<S extends Queued> {
  /** The most urgent one first; none is empty. */
  readonly #levels: Level<S>[] = [];
  #size = 0;

  get size(): number {
    return this.#size;
  }

  /** The next one, which stays; undefined when none waits. */
  get first(): S | undefined {
    const level = this.#levels[0];
    return level?.returned.at(-1) ?? level?.line.first;
  }

  add(sequence: S): void {
    this.#level(sequence.priority).line.push(sequence.party, sequence, sequence.width);
    this.#size++;
  }

  /** Puts one in front of all others of its priority. */
  putBack(sequence: S): void {
    this.#level(sequence.priority).returned.push(sequence);
    this.#size++;
  }

  /** Takes out the next one. */
  shift(): S | undefined {
    const level = this.#levels[0];
    const sequence = level?.returned.pop() ?? level?.line.shift();
    if (level !== undefined) this.#leave(level);
    return sequence;
  }

  /**
   * Takes out one that will not be waited for.
   *
   * @returns whether it waited.
   */
  remove(sequence: S): boolean {
    const level = this.#levels.find(({ priority }) => priority === sequence.priority);
    if (level === undefined) return false;
    const index = level.returned.indexOf(sequence);
    if (index >= 0) level.returned.splice(index, 1);
    else if (!level.line.remove(sequence)) return false;
    this.#leave(level);
    return true;
  }

  /** All in their order, as far as it is known now. */
  *[Symbol.iterator](): Generator<S, void, undefined> {
    for (const { returned, line } of this.#levels) {
      yield* returned.toReversed();
      yield* line;
    }
  }

  #level(priority: number): Level<S> {
    const levels = this.#levels;
    let index = levels.findIndex(level => level.priority >= priority);
    if (index < 0) index = levels.length;
    if (levels[index]?.priority !== priority)
      levels.splice(index, 0, { priority, returned: [], line: new FairQueue() });
    return levels[index]!;
  }

  /** Notes that one has left. */
  #leave(level: Level<S>): void {
    this.#size--;
    if (level.returned.length + level.line.size === 0) this.#levels.splice(this.#levels.indexOf(level), 1);
  }
}
