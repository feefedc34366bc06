import { IoBinding, RunOptions, type Tensor } from '#runtime/index.js';
import { SlotCache, type CachePart } from '../../cache/slot-cache.js';
import type { Decoder, DecoderShape, WantedLogits } from '../slots/slot-decoder.js';
import type { DecoderGraph, Row } from './decoder-graph.js';

/** A range of slots, bound once and kept. */
interface BoundRange {
  readonly binding: IoBinding;
  readonly tensors: readonly Tensor[];
}

/**
 * Runs a graph whose whole cache goes through GroupQueryAttention, with past and present in the same memory. Such graphs take the lengths
 * of the rows from the attention mask: the sum of a row, and the width of all.
 */
export class InPlaceDecoder implements Decoder {
  readonly slots: number;
  readonly shape: DecoderShape;
  readonly #graph: DecoderGraph;
  readonly #cache: SlotCache;
  readonly #runOptions = new RunOptions();
  /** By first slot and count. */
  readonly #ranges = new Map<string, BoundRange>();

  constructor(graph: DecoderGraph, shape: DecoderShape, slots: number) {
    this.#graph = graph;
    this.shape = shape;
    this.slots = slots;
    const { cacheType: type, caches } = graph.ports;
    // An in-place graph has a past for everything.
    const parts = caches as readonly CachePart[];
    this.#cache = new SlotCache(graph.session, { parts, type, contextLength: shape.contextLength, slots });
  }

  async prefill(
    slot: number,
    ids: readonly number[],
    cached: number,
    wanted: WantedLogits,
  ): Promise<Float32Array> {
    const { vocabularySize } = this.shape;
    if (wanted !== 'all' || !this.#graph.ports.logits.lastOnly || ids.length === 1) {
      const logits = await this.#run(slot, [{ ids, cached }], wanted === 'all');
      return wanted === 'none' ? logits.subarray(0, 0) : logits;
    }
    const logits = new Float32Array(ids.length * vocabularySize);
    for (const [i, id] of ids.entries())
      logits.set(await this.#run(slot, [{ ids: [id], cached: cached + i }], false), i * vocabularySize);
    return logits;
  }

  async prefillTogether(firstSlot: number, sequences: readonly (readonly number[])[]): Promise<Float32Array> {
    // Padding behind a sequence leaves something in the cache, but beyond its end, where its next tokens overwrite it.
    if (this.#graph.takesRagged(sequences.map(({ length }) => length)))
      return this.#run(
        firstSlot,
        sequences.map(ids => ({ ids, cached: 0 })),
        false,
      );
    const { vocabularySize } = this.shape;
    const logits = new Float32Array(sequences.length * vocabularySize);
    for (const [row, ids] of sequences.entries())
      logits.set(await this.prefill(firstSlot + row, ids, 0, 'last'), row * vocabularySize);
    return logits;
  }

  async decode(ids: readonly number[], cached: readonly number[]): Promise<Float32Array> {
    const rows = ids.map((id, slot) => ({ ids: [id], cached: cached[slot]! }));
    return this.#run(0, rows, false);
  }

  copySlot(from: number, to: number, length: number): void {
    this.#cache.copy(from, to, length);
  }

  swapSlots(a: number, b: number, length: number): void {
    this.#cache.swap(a, b, length);
  }

  releaseSlot(slot: number, from: number): void {
    this.#cache.discard(slot, from);
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
    const width = Math.max(...rows.map(({ ids, cached }) => cached + ids.length));
    const hasPast = rows.some(({ cached }) => cached > 0);
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
