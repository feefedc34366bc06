import { KvasirError } from '#errors.js';
import { IoBinding, RunOptions, Tensor } from '#runtime/index.js';
import type {
  BatchEntry,
  BatchResult,
  Decoder,
  DecoderShape,
  DecoderTraits,
  SlotOperation,
} from '../contract.js';
import { runInWays, type RunWays } from '../run-ways.js';
import type { DecoderGraph, Row, Step } from './decoder-graph.js';
import { graphWays, type DecoderGraphs } from './graph-ways.js';
import { KvMemory, type KvState, type KvView } from './kv-state.js';
import type { CachePort } from './ports.js';
import { READY_MADE_TRAITS } from './traits.js';

/**
 * Runs a graph that takes a past and gives out a present, one position longer or more: every step copies the
 * whole cache, which is what such graphs cost. Rows of different lengths are decoded together, padded in
 * front, with a mask over the padding.
 *
 * States are never changed, so that copying a slot costs nothing and a slot can be cut back to any length.
 */
export class GrowingDecoder implements Decoder {
  readonly slots: number;
  readonly shape: DecoderShape;
  readonly traits: DecoderTraits = READY_MADE_TRAITS;
  readonly #graphs: DecoderGraphs;
  readonly #memory: KvMemory;
  readonly #runOptions = new RunOptions();
  readonly #views: (KvView | undefined)[];
  readonly #ways: RunWays;

  constructor(graphs: DecoderGraphs, shape: DecoderShape, slots: number) {
    this.#graphs = graphs;
    this.shape = shape;
    this.slots = slots;
    const { cacheType, caches } = graphs.next.ports;
    this.#memory = new KvMemory(cacheType, caches);
    this.#views = Array.from({ length: slots }, () => undefined);
    this.#ways = graphWays(graphs, (slot, rows, all) => {
      const own = rows.map((_, row) => slot + row);
      return this.#run(own, rows, all);
    });
  }

  /** Bytes that the cache takes at this moment. */
  get cacheBytes(): number {
    return this.#memory.bytes;
  }

  run(entries: readonly BatchEntry[]): Promise<BatchResult> {
    return runInWays(entries, this.#ways);
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

  abort(): void {
    this.#runOptions.terminate();
  }

  dispose(): void {
    this.#runOptions.dispose();
    for (const { session } of new Set([this.#graphs.first, this.#graphs.next])) session.dispose();
  }

  /** The first positions of a slot. */
  #cut(slot: number, length: number): KvView | undefined {
    const view = length > 0 ? this.#views[slot] : undefined;
    return view && { ...view, length: Math.min(length, view.length) };
  }

  /** Continues slots by a piece each. */
  async #run(slots: readonly number[], rows: readonly Row[], all: boolean): Promise<Float32Array> {
    const lengths = rows.map(({ computed }) => computed);
    const hasPast = lengths.some(length => length > 0);
    const graph = hasPast ? this.#graphs.next : this.#graphs.first;
    const sequence = Math.max(...rows.map(({ ids }) => ids.length));
    // The branch without a past does not look at it, but may not take an empty one.
    const dummy = graph.ports.cacheBranch === undefined ? 0 : 1;
    const past = hasPast
      ? this.#past(slots, lengths)
      : { state: this.#memory.blank(rows.length, dummy), isOwn: true };
    const longest = hasPast ? past.state.positions : 0;
    const present = this.#memory.allocate(rows.length, longest + sequence);
    const padding = (row: number): number => longest - lengths[row]!;
    try {
      const step = { rows, width: longest + sequence, padding, hasPast, all };
      const logits = await this.#runOver(graph, past.state, present, step);
      const before = new Set(slots.map(slot => this.#views[slot]?.state));
      this.#setViews(
        slots,
        lengths.map((length, row) => ({
          state: present,
          row,
          begin: padding(row),
          length: length + rows[row]!.ids.length,
        })),
      );
      this.#separate(before);
      return logits;
    } catch (error) {
      this.#memory.release(present);
      throw error;
    } finally {
      if (past.isOwn) this.#memory.release(past.state);
    }
  }

  async #runOver(graph: DecoderGraph, past: KvState, present: KvState, step: Step): Promise<Float32Array> {
    const { cacheType, caches } = graph.ports;
    const tensors: Tensor[] = [];
    const tensorOf = (
      { heads, headSize }: CachePort,
      { positions, arrays }: KvState,
      index: number,
    ): Tensor => {
      const shape = [step.rows.length, heads, positions, headSize];
      const tensor = Tensor.fromArray(arrays[index]!, shape, cacheType);
      tensors.push(tensor);
      return tensor;
    };
    const binding = new IoBinding(graph.session);
    try {
      caches.forEach((cache, index) => {
        if (cache.past !== undefined) binding.bindInput(cache.past, tensorOf(cache, past, index));
        binding.bindOutput(cache.present, tensorOf(cache, present, index));
      });
      return await graph.run(binding, step, this.#runOptions);
    } finally {
      binding.dispose();
      for (const tensor of tensors) tensor.dispose();
    }
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
