import { RunOptions } from '#runtime/index.js';
import type {
  BatchEntry,
  BatchResult,
  Decoder,
  DecoderShape,
  DecoderTraits,
  SlotOperation,
} from '../contract.js';
import { runInWays, type RunWays } from '../run-ways.js';
import type { Row } from './decoder-graph.js';
import { graphWays, type DecoderGraphs } from './graph-ways.js';
import { GrowingCache } from './growing-cache.js';
import { blankPositions, runGrowing } from './run-growing.js';
import { READY_MADE_TRAITS } from './traits.js';

/**
 * Runs a graph that takes a past and gives out a present, one position longer or more: every step copies the
 * whole cache, which is what such graphs cost. Rows of different lengths are decoded together, padded in
 * front, with a mask over the padding.
 */
export class GrowingDecoder implements Decoder {
  readonly slots: number;
  readonly shape: DecoderShape;
  readonly traits: DecoderTraits = READY_MADE_TRAITS;
  readonly #graphs: DecoderGraphs;
  readonly #cache: GrowingCache;
  readonly #runOptions = new RunOptions();
  readonly #ways: RunWays;

  constructor(graphs: DecoderGraphs, shape: DecoderShape, slots: number) {
    this.#graphs = graphs;
    this.shape = shape;
    this.slots = slots;
    this.#cache = new GrowingCache(graphs.next.ports, slots);
    this.#ways = graphWays(graphs, (slot, rows, all) => {
      const own = rows.map((_, row) => slot + row);
      return this.#run(own, rows, all);
    });
  }

  /** Bytes that the cache takes at this moment. */
  get cacheBytes(): number {
    return this.#cache.bytes;
  }

  run(entries: readonly BatchEntry[]): Promise<BatchResult> {
    return runInWays(entries, this.#ways);
  }

  arrange(operation: SlotOperation): void {
    this.#cache.arrange(operation);
  }

  abort(): void {
    this.#runOptions.terminate();
  }

  dispose(): void {
    this.#runOptions.dispose();
    for (const { session } of new Set([this.#graphs.first, this.#graphs.next])) session.dispose();
  }

  /** Continues slots by a piece each. */
  #run(slots: readonly number[], rows: readonly Row[], all: boolean): Promise<Float32Array> {
    const hasPast = rows.some(({ computed }) => computed > 0);
    const graph = hasPast ? this.#graphs.next : this.#graphs.first;
    const longest = Math.max(...rows.map(({ computed }) => computed));
    return this.#cache.grow(slots, rows, blankPositions(graph), growth => {
      const padding = (row: number): number => longest - rows[row]!.computed;
      const step = { rows, width: growth.present.positions, padding, hasPast, all };
      return runGrowing(graph, growth, step, this.#runOptions);
    });
  }
}
