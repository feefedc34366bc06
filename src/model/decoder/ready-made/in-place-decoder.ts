import { IoBinding, RunOptions, type Tensor } from '#runtime/index.js';
import type { CachePart } from '../../cache/layer-cache.js';
import { SlotCache } from '../../cache/slot-cache.js';
import type {
  BatchEntry,
  BatchResult,
  Decoder,
  DecoderShape,
  DecoderTraits,
  SlotOperation,
} from '../contract.js';
import { runInWays, type RunWays } from '../run-ways.js';
import type { DecoderGraph, Row } from './decoder-graph.js';
import { graphWays } from './graph-ways.js';
import { READY_MADE_TRAITS } from './traits.js';

/** A range of slots, bound once and kept. */
interface BoundRange {
  readonly binding: IoBinding;
  readonly tensors: readonly Tensor[];
}

/**
 * Runs a graph whose whole cache goes through GroupQueryAttention, with past and present in the same memory.
 * Such graphs take the lengths of the rows from the attention mask: the sum of a row, and the width of all.
 */
export class InPlaceDecoder implements Decoder {
  readonly slots: number;
  readonly shape: DecoderShape;
  readonly traits: DecoderTraits = READY_MADE_TRAITS;
  readonly #graph: DecoderGraph;
  readonly #cache: SlotCache;
  readonly #runOptions = new RunOptions();
  readonly #ways: RunWays;
  /** By first slot and count. */
  readonly #ranges = new Map<string, BoundRange>();

  constructor(graph: DecoderGraph, shape: DecoderShape, slots: number) {
    this.#graph = graph;
    this.shape = shape;
    this.slots = slots;
    this.#ways = graphWays({ first: graph, next: graph }, (slot, rows, all) => this.#run(slot, rows, all));
    const { cacheType: type, caches } = graph.ports;
    // An in-place graph has a past for everything.
    const parts = caches as readonly CachePart[];
    this.#cache = new SlotCache(graph.session, { parts, type, contextLength: shape.contextLength, slots });
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
    for (const { binding, tensors } of this.#ranges.values()) {
      binding.dispose();
      for (const tensor of tensors) tensor.dispose();
    }
    this.#ranges.clear();
    this.#cache.dispose();
    this.#runOptions.dispose();
    this.#graph.session.dispose();
  }

  async #run(first: number, rows: readonly Row[], all: boolean): Promise<Float32Array> {
    const { binding } = this.#range(first, rows.length);
    const width = Math.max(...rows.map(({ ids, computed }) => computed + ids.length));
    const hasPast = rows.some(({ computed }) => computed > 0);
    return this.#graph.run(binding, { rows, width, padding: () => 0, hasPast, all }, this.#runOptions);
  }

  #range(first: number, count: number): BoundRange {
    const key = `${first} ${count}`;
    let range = this.#ranges.get(key);
    if (range === undefined) {
      const binding = new IoBinding(this.#graph.session);
      range = { binding, tensors: this.#cache.bind(binding, first, count) };
      this.#ranges.set(key, range);
    }
    return range;
  }
}
