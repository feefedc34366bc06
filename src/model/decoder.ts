import {
  Allocator,
  cpuMemoryInfo,
  elementSize,
  IoBinding,
  RunOptions,
  Tensor,
  type DeviceMemory,
  type Session,
} from '../runtime/index.js';

/** Sizes of a decoder and its cache. */
export interface DecoderShape {
  readonly layers: number;
  readonly kvHeads: number;
  /** As the graph has it, padding included. */
  readonly headSize: number;
  readonly vocabularySize: number;
  /** Longest sequence. */
  readonly contextLength: number;
  /** Of keys and values; default `float32`. */
  readonly cacheType?: 'float32' | 'float16';
}

/** Bytes that keys and values of one token take in the cache. */
export function cacheBytesPerToken({
  layers,
  kvHeads,
  headSize,
  cacheType = 'float32',
}: DecoderShape): number {
  return layers * 2 * kvHeads * headSize * elementSize(cacheType);
}

/** Which positions of a prefill chunk are projected onto the vocabulary: the others' logits are never computed. */
export type WantedLogits = 'none' | 'last' | 'all';

/** A decoder with its KV cache, one slot per sequence. One run at a time; the engine sees to it. */
export interface Decoder {
  readonly slots: number;
  readonly shape: DecoderShape;
  /**
   * Continues one slot by a piece of its sequence.
   *
   * @param cached positions of the slot that are already filled; `cached + ids.length <= contextLength`.
   * @returns logits, `[positions wanted, vocabulary]`, valid until the next run.
   */
  prefill(slot: number, ids: readonly number[], cached: number, wanted: WantedLogits): Promise<Float32Array>;
  /**
   * Fills empty slots from `firstSlot` on, one whole sequence each, in one run. Absent where the graph cannot do it.
   *
   * @returns logits of each sequence's last position, `[sequences, vocabulary]`, valid until the next run.
   */
  prefillTogether?(firstSlot: number, sequences: readonly (readonly number[])[]): Promise<Float32Array>;
  /**
   * Continues slots `0 .. ids.length - 1` by one token each.
   *
   * @param ids the token of each slot.
   * @param cached filled positions of each slot.
   * @returns logits, `[slots, vocabulary]`, valid until the next run.
   */
  decode(ids: readonly number[], cached: readonly number[]): Promise<Float32Array>;
  /**
   * The largest logit of each of equal blocks of the vocabulary, for the rows of the last `decode`: `[slots, blocks]`. Absent where the graph
   * does not say. The array is always the same one.
   */
  readonly decodeMaxima?: Float32Array | undefined;
  /** Copies the first `length` positions of a slot to another. */
  copySlot(from: number, to: number, length: number): void;
  /** Exchanges the first `length` positions of two slots. */
  swapSlots(a: number, b: number, length: number): void;
  /** Gives back the memory of a slot whose contents are not needed any more, where the device can. */
  releaseSlot(slot: number): void;
  /** Makes the run under way fail soon, and all later ones at once. */
  abort(): void;
  /** Frees cache and session. No run may be under way. */
  dispose(): void;
}

/** Inputs of a run over a fixed range of slots, whose arrays are written before each run. */
interface BoundRange {
  readonly binding: IoBinding;
  readonly tensors: readonly Tensor[];
}
interface DecodeRange extends BoundRange {
  readonly ids: BigInt64Array;
  readonly lengths: Int32Array;
}
interface PrefillRange extends BoundRange {
  readonly lengths: Int32Array;
}

/**
 * Runs a graph with GroupQueryAttention whose past and present are the same memory: one buffer per layer and side,
 * `[slots, kvHeads, contextLength, headSize]`, written in place by the operator. A range of slots is a view into it, since slots are the
 * outermost axis; the views are bound once and kept.
 */
export class SlotDecoder implements Decoder {
  readonly slots: number;
  readonly shape: DecoderShape;
  readonly #session: Session;
  readonly #runOptions = new RunOptions();
  readonly #allocator: Allocator;
  /** `[layer][key, value]` */
  readonly #cache: readonly (readonly [DeviceMemory, DeviceMemory])[];
  readonly #total = new Int32Array(1);
  readonly #totalTensor = Tensor.fromArray(this.#total, []);
  readonly #decodeLogits: Float32Array;
  readonly decodeMaxima: Float32Array | undefined;
  readonly #decodeRanges = new Map<number, DecodeRange>();
  readonly #prefillRanges = new Map<number, PrefillRange>();

  constructor(session: Session, shape: DecoderShape, slots: number) {
    this.#session = session;
    this.shape = shape;
    this.slots = slots;
    this.#allocator = new Allocator(session, cpuMemoryInfo());
    const bytes = slots * this.#slotBytes();
    this.#cache = Array.from({ length: shape.layers }, () => [
      this.#allocator.allocate(bytes),
      this.#allocator.allocate(bytes),
    ]);
    this.#decodeLogits = new Float32Array(slots * shape.vocabularySize);
    const blocks = session.outputs.find(({ name }) => name === 'logits_maxima')?.shape[1];
    if (blocks !== undefined) this.decodeMaxima = new Float32Array(slots * Number(blocks));
  }

  async prefill(
    slot: number,
    ids: readonly number[],
    cached: number,
    wanted: WantedLogits,
  ): Promise<Float32Array> {
    const { vocabularySize } = this.shape;
    const range = this.#prefillRange(slot);
    const length = ids.length;
    const positions =
      wanted === 'none' ? [] : wanted === 'last' ? [length - 1] : Array.from(ids, (_, i) => i);
    const logits = new Float32Array(positions.length * vocabularySize);
    using idsTensor = Tensor.fromArray(BigInt64Array.from(ids, BigInt), [1, length]);
    using positionsTensor = Tensor.fromArray(BigInt64Array.from(positions, BigInt), [positions.length]);
    using logitsTensor = Tensor.fromArray(logits, [positions.length, vocabularySize]);
    range.binding
      .bindInput('input_ids', idsTensor)
      .bindInput('logits_positions', positionsTensor)
      .bindOutput('logits', logitsTensor);
    range.lengths[0] = cached + length - 1;
    this.#total[0] = cached + length;
    await this.#session.run(range.binding, this.#runOptions);
    return logits;
  }

  async prefillTogether(firstSlot: number, sequences: readonly (readonly number[])[]): Promise<Float32Array> {
    const { vocabularySize } = this.shape;
    const rows = sequences.length;
    const longest = Math.max(...sequences.map(({ length }) => length));
    // Padded on the right: what the padding leaves in the cache lies beyond the sequence, where its next tokens overwrite it.
    const ids = new BigInt64Array(rows * longest);
    const lengths = new Int32Array(rows);
    const positions = new BigInt64Array(rows);
    sequences.forEach((sequence, row) => {
      sequence.forEach((id, i) => (ids[row * longest + i] = BigInt(id)));
      lengths[row] = sequence.length - 1;
      positions[row] = BigInt(row * longest + sequence.length - 1);
    });
    const logits = new Float32Array(rows * vocabularySize);
    const range = this.#bindSlots(firstSlot, rows, lengths);
    using idsTensor = Tensor.fromArray(ids, [rows, longest]);
    using positionsTensor = Tensor.fromArray(positions, [rows]);
    using logitsTensor = Tensor.fromArray(logits, [rows, vocabularySize]);
    try {
      range.binding
        .bindInput('input_ids', idsTensor)
        .bindInput('logits_positions', positionsTensor)
        .bindOutput('logits', logitsTensor);
      this.#total[0] = longest;
      await this.#session.run(range.binding, this.#runOptions);
    } finally {
      range.binding.dispose();
      for (const tensor of range.tensors) tensor.dispose();
    }
    return logits;
  }

  async decode(ids: readonly number[], cached: readonly number[]): Promise<Float32Array> {
    const range = this.#decodeRange(ids.length);
    let longest = 0;
    for (let slot = 0; slot < ids.length; slot++) {
      range.ids[slot] = BigInt(ids[slot]!);
      range.lengths[slot] = cached[slot]!;
      longest = Math.max(longest, cached[slot]! + 1);
    }
    this.#total[0] = longest;
    await this.#session.run(range.binding, this.#runOptions);
    return this.#decodeLogits.subarray(0, ids.length * this.shape.vocabularySize);
  }

  copySlot(from: number, to: number, length: number): void {
    const bytes = length * this.#positionBytes();
    this.#forEachHead((view, offsetOf) => {
      view.copyWithin(offsetOf(to), offsetOf(from), offsetOf(from) + bytes);
    });
  }

  swapSlots(a: number, b: number, length: number): void {
    const bytes = length * this.#positionBytes();
    const kept = new Uint8Array(bytes);
    this.#forEachHead((view, offsetOf) => {
      kept.set(view.subarray(offsetOf(a), offsetOf(a) + bytes));
      view.copyWithin(offsetOf(a), offsetOf(b), offsetOf(b) + bytes);
      view.set(kept, offsetOf(b));
    });
  }

  releaseSlot(slot: number): void {
    const bytes = this.#slotBytes();
    for (const memory of this.#cache.flat()) memory.discard(slot * bytes, bytes);
  }

  abort(): void {
    this.#runOptions.terminate();
  }

  dispose(): void {
    for (const range of [...this.#decodeRanges.values(), ...this.#prefillRanges.values()]) {
      range.binding.dispose();
      for (const tensor of range.tensors) tensor.dispose();
    }
    this.#decodeRanges.clear();
    this.#prefillRanges.clear();
    this.#totalTensor.dispose();
    for (const memory of this.#cache.flat()) memory.dispose();
    this.#allocator.dispose();
    this.#runOptions.dispose();
    this.#session.dispose();
  }

  #positionBytes(): number {
    return this.shape.headSize * elementSize(this.shape.cacheType ?? 'float32');
  }

  #slotBytes(): number {
    return this.shape.kvHeads * this.shape.contextLength * this.#positionBytes();
  }

  /** Visits every head of every layer and side: its bytes, and where in them a slot begins. */
  #forEachHead(visit: (view: Uint8Array, offsetOf: (slot: number) => number) => void): void {
    const headBytes = this.shape.contextLength * this.#positionBytes();
    const slotBytes = this.#slotBytes();
    for (const memory of this.#cache.flat()) {
      const view = memory.view();
      for (let head = 0; head < this.shape.kvHeads; head++)
        visit(view, slot => slot * slotBytes + head * headBytes);
    }
  }

  #decodeRange(count: number): DecodeRange {
    let range = this.#decodeRanges.get(count);
    if (range === undefined) {
      const { vocabularySize } = this.shape;
      const ids = new BigInt64Array(count);
      const lengths = new Int32Array(count);
      const bound = this.#bindSlots(0, count, lengths);
      const positions = BigInt64Array.from({ length: count }, (_, i) => BigInt(i));
      const idsTensor = Tensor.fromArray(ids, [count, 1]);
      const positionsTensor = Tensor.fromArray(positions, [count]);
      const logitsTensor = Tensor.fromArray(this.#decodeLogits.subarray(0, count * vocabularySize), [
        count,
        vocabularySize,
      ]);
      bound.binding
        .bindInput('input_ids', idsTensor)
        .bindInput('logits_positions', positionsTensor)
        .bindOutput('logits', logitsTensor);
      const tensors = [...bound.tensors, idsTensor, positionsTensor, logitsTensor];
      if (this.decodeMaxima !== undefined) {
        const blocks = this.decodeMaxima.length / this.slots;
        const maxima = Tensor.fromArray(this.decodeMaxima.subarray(0, count * blocks), [count, blocks]);
        bound.binding.bindOutput('logits_maxima', maxima);
        tensors.push(maxima);
      }
      range = {
        ids,
        lengths,
        binding: bound.binding,
        tensors,
      };
      this.#decodeRanges.set(count, range);
    }
    return range;
  }

  #prefillRange(slot: number): PrefillRange {
    let range = this.#prefillRanges.get(slot);
    if (range === undefined) {
      const lengths = new Int32Array(1);
      range = { lengths, ...this.#bindSlots(slot, 1, lengths) };
      this.#prefillRanges.set(slot, range);
    }
    return range;
  }

  /** Binds the caches of slots `first .. first + count - 1` in place, and the lengths. */
  #bindSlots(first: number, count: number, lengths: Int32Array): BoundRange {
    const { kvHeads, contextLength, headSize, cacheType = 'float32' } = this.shape;
    const lengthsTensor = Tensor.fromArray(lengths, [count]);
    const tensors = [lengthsTensor];
    const binding = new IoBinding(this.#session)
      .bindInput('seqlens_k', lengthsTensor)
      .bindInput('total_sequence_length', this.#totalTensor);
    this.#cache.forEach((sides, layer) => {
      sides.forEach((memory, side) => {
        const name = `${layer}.${side === 0 ? 'key' : 'value'}`;
        const tensor = Tensor.overMemory(
          memory,
          first * this.#slotBytes(),
          [count, kvHeads, contextLength, headSize],
          cacheType,
        );
        tensors.push(tensor);
        binding.bindInput(`past.${name}`, tensor).bindOutput(`present.${name}`, tensor);
      });
    });
    return { binding, tensors };
  }
}
