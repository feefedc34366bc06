/** What the scheduler must know of a sequence. */
export interface Schedulable {
  readonly promptLength: number;
  /** Tokens with keys and values in the cache. */
  readonly cached: number;
}

/** A piece of one sequence's prompt: tokens `[start, start + length)`. */
export interface PrefillChunk<S> {
  readonly sequence: S;
  readonly slot: number;
  readonly start: number;
  readonly length: number;
}

/** What one step runs. */
export interface Step<S> {
  readonly prefill: PrefillChunk<S> | undefined;
  /** Sequences in slots `0 .. decode.length - 1`, in the slots' order. */
  readonly decode: readonly S[];
}

/** The first `length` positions of slot `from` must be copied to slot `to`. */
export interface SlotMove {
  readonly from: number;
  readonly to: number;
  readonly length: number;
}

export interface SchedulerOptions {
  /** How many sequences may hold a slot at once; at least 1. */
  readonly slots: number;
  /** Longest piece of a prompt that is run between two decode runs: it bounds the pause that running sequences feel. */
  readonly prefillChunk: number;
  /** The same while nothing decodes, so that nobody waits. */
  readonly idlePrefillChunk: number;
}

/**
 * Decides who runs, and in which slot. Pure bookkeeping: it never touches the cache, but tells which slots to copy.
 *
 * Sequences that hold a slot are `running[0 .. n-1]`, in slot order: first those that decode, so that one run over slots `0 .. d-1` serves
 * all of them, then those whose prompt is not yet in the cache, oldest first. Only the oldest of these is ever prefilled, hence the others'
 * slots are still empty.
 */
export class Scheduler<S extends Schedulable> {
  readonly #options: SchedulerOptions;
  #waiting: S[] = [];
  readonly #running: S[] = [];

  constructor(options: SchedulerOptions) {
    this.#options = options;
  }

  /** Sequences that wait for a slot, oldest first. */
  get waiting(): readonly S[] {
    return this.#waiting;
  }

  /** Sequences that hold a slot; the index is the slot. */
  get running(): readonly S[] {
    return this.#running;
  }

  add(sequence: S): void {
    this.#waiting.push(sequence);
  }

  /** Admits waiting sequences to free slots and plans the next step. Both parts are empty when there is nothing to do. */
  schedule(): Step<S> {
    const free = this.#options.slots - this.#running.length;
    if (free > 0) this.#running.push(...this.#waiting.splice(0, free));
    const decoding = this.#decoding();
    const slot = decoding;
    const sequence = this.#running[slot];
    const limit = decoding > 0 ? this.#options.prefillChunk : this.#options.idlePrefillChunk;
    return {
      prefill: sequence && {
        sequence,
        slot,
        start: sequence.cached,
        length: Math.min(limit, sequence.promptLength - sequence.cached),
      },
      decode: this.#running.slice(0, decoding),
    };
  }

  /**
   * Takes sequences out, waiting or running, and closes the gaps that they leave.
   *
   * @returns the copies to make in the cache, in order. A hole among the decoding slots is filled by the last decoding sequence.
   */
  remove(sequences: ReadonlySet<S>): SlotMove[] {
    this.#waiting = this.#waiting.filter(sequence => !sequences.has(sequence));
    const moves: SlotMove[] = [];
    const move = (from: number, to: number): void => {
      const sequence = this.#running[from]!;
      if (from === to) return;
      this.#running[to] = sequence;
      if (sequence.cached > 0) moves.push({ from, to, length: sequence.cached });
    };

    let decoding = this.#decoding();
    const prefilling = decoding;
    for (let slot = 0; slot < decoding; slot++) {
      if (!sequences.has(this.#running[slot]!)) continue;
      while (decoding > slot && sequences.has(this.#running[decoding - 1]!)) decoding--;
      if (decoding > slot) move(--decoding, slot);
    }
    let end = decoding;
    for (let slot = prefilling; slot < this.#running.length; slot++) {
      if (!sequences.has(this.#running[slot]!)) move(slot, end++);
    }
    this.#running.length = end;
    return moves;
  }

  #decoding(): number {
    const index = this.#running.findIndex(sequence => sequence.cached < sequence.promptLength);
    return index < 0 ? this.#running.length : index;
  }
}
