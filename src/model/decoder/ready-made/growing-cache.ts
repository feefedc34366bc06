import { KvasirError } from '#errors.js';
import type { SlotOperation } from '../contract.js';
import type { Row } from './decoder-graph.js';
import { KvMemory, type KvState, type KvView } from './kv-state.js';
import type { DecoderPorts } from './ports.js';

/** What a run takes, and memory for what it gives out. */
export interface Growth {
  /** All rows in one, each padded in front to the longest; zeros where none has a past. */
  readonly past: KvState;
  /** As many positions more as the longest row has tokens. */
  readonly present: KvState;
}

/**
 * The cache of slots whose graph takes a past and gives out a present. States are never changed, so that copying
 * a slot costs nothing and a slot can be cut back to any length.
 */
export class GrowingCache {
  readonly #memory: KvMemory;
  readonly #views: (KvView | undefined)[];

  constructor({ cacheType, caches }: Pick<DecoderPorts, 'cacheType' | 'caches'>, slots: number) {
    this.#memory = new KvMemory(cacheType, caches);
    this.#views = Array.from({ length: slots }, () => undefined);
  }

  /** Bytes that it takes at this moment. */
  get bytes(): number {
    return this.#memory.bytes;
  }

  arrange(operation: SlotOperation): void {
    switch (operation.kind) {
      case 'copy':
        return this.#setViews([operation.to], [this.#cut(operation.from, operation.length)]);
      case 'swap': {
        const { a, b } = operation;
        return this.#setViews([a, b], [this.#views[b], this.#views[a]]);
      }
      case 'release':
        return this.#setViews([operation.slot], [this.#cut(operation.slot, operation.from)]);
      case 'trim':
        throw new Error('states are not trimmed');
    }
  }

  /**
   * Continues slots by what a run gives out; where it fails, they hold what they held before.
   *
   * @param rows one for each slot.
   * @param blank positions of a past of nothing.
   */
  async grow<T>(
    slots: readonly number[],
    rows: readonly Row[],
    blank: number,
    run: (growth: Growth) => Promise<T>,
  ): Promise<T> {
    const lengths = rows.map(({ computed }) => computed);
    const hasPast = lengths.some(length => length > 0);
    const sequence = Math.max(...rows.map(({ ids }) => ids.length));
    const past = hasPast
      ? this.#past(slots, lengths)
      : { state: this.#memory.blank(rows.length, blank), isOwn: true };
    const longest = Math.max(...lengths);
    const present = this.#memory.allocate(rows.length, longest + sequence);
    try {
      const result = await run({ past: past.state, present });
      const before = new Set(slots.map(slot => this.#views[slot]?.state));
      this.#setViews(
        slots,
        lengths.map((length, row) => ({
          state: present,
          row,
          begin: longest - length,
          length: length + rows[row]!.ids.length,
        })),
      );
      this.#separate(before);
      return result;
    } catch (error) {
      this.#memory.release(present);
      throw error;
    } finally {
      if (past.isOwn) this.#memory.release(past.state);
    }
  }

  /** The first positions of a slot. */
  #cut(slot: number, length: number): KvView | undefined {
    const view = length > 0 ? this.#views[slot] : undefined;
    return view && { ...view, length: Math.min(length, view.length) };
  }

  /**
   * What slots hold, as the past of one run. Where they are the first rows of one state, as in the run
   * before, it is used as it is.
   *
   * @returns `isOwn`: the state was made for this run.
   */
  #past(slots: readonly number[], lengths: readonly number[]): { state: KvState; isOwn: boolean } {
    const views = slots.map(slot => this.#views[slot]);
    views.forEach((view, row) => {
      if ((view?.length ?? 0) < lengths[row]!)
        throw new KvasirError(
          'runtime_failure',
          `slot ${slots[row]} holds less than ${lengths[row]} positions`,
        );
    });
    const state = views[0]?.state;
    const longest = Math.max(...lengths);
    const inOrder = views.every(
      (view, row) =>
        view?.state === state && view?.row === row && view.begin + lengths[row]! === state?.positions,
    );
    if (state === undefined || !inOrder || state.positions !== longest)
      return { state: this.#memory.gather(views, lengths), isOwn: true };
    const arrays = state.arrays.map(array => array.subarray(0, (array.length / state.rows) * slots.length));
    return { state: { rows: slots.length, positions: longest, arrays }, isOwn: false };
  }

  /** Changes what slots hold, and frees the states that none holds any more. */
  #setViews(slots: readonly number[], views: readonly (KvView | undefined)[]): void {
    const before = new Set(slots.map(slot => this.#views[slot]?.state));
    slots.forEach((slot, i) => (this.#views[slot] = views[i]));
    for (const state of before)
      if (state !== undefined && !this.#views.some(view => view?.state === state))
        this.#memory.release(state);
  }

  /**
   * Gives slots that shared a state with others, which have moved on, a state of their own: it would keep all
   * those rows in memory.
   */
  #separate(states: ReadonlySet<KvState | undefined>): void {
    this.#views.forEach((view, slot) => {
      if (view === undefined || view.state.rows === 1 || !states.has(view.state)) return;
      const state = this.#memory.gather([view], [view.length]);
      this.#setViews([slot], [{ state, row: 0, begin: 0, length: view.length }]);
    });
  }
}
