import type { CacheType } from '#graph/build.js';
import {
  CAN_DISCARD_PAGES,
  DisposeStack,
  elementSize,
  IoBinding,
  OutputFloats,
  RunOptions,
  Tensor,
  type Session,
} from '#runtime/index.js';
import { SlotCache, type CachePart } from '../../cache/slot-cache.js';
import { CapturedDecode, UNCAPTURED } from '../captured/captured-decode.js';

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
  readonly cacheType?: CacheType;
  /** How many positions a token sees in each layer, its own included; undefined: all. Absent: all in all layers. */
  readonly windows?: readonly (number | undefined)[] | undefined;
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

/** A piece of one slot's sequence in a mixed batch. */
export interface BatchEntry {
  readonly slot: number;
  /** At least one; `cached + ids.length <= contextLength`. */
  readonly ids: readonly number[];
  /** Positions of the slot that are already filled. */
  readonly cached: number;
  readonly wanted: WantedLogits;
}

/** What an entry of a mixed batch gives; valid until the next run. */
export interface EntryLogits {
  /** `[positions wanted, vocabulary]` */
  readonly logits: Float32Array;
  /** The largest logit of each of equal blocks of the vocabulary, `[positions wanted, blocks]`; undefined where the graph does not say. */
  readonly maxima: Float32Array | undefined;
}

/** A decoder with its KV cache, one slot per sequence. One run at a time; the engine sees to it. */
export interface Decoder {
  readonly slots: number;
  readonly shape: DecoderShape;
  /** How many positions may be filled in all slots together; where it is absent or infinite, all. */
  readonly cacheTokens?: number;
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
   * Continues several slots, each by a piece of its sequence, in one run: chunks of prompts and single tokens alike (Sarathi-Serve, Agrawal
   * et al. 2024). Absent where the graph cannot do it; where it is there, it can stand for all other runs.
   *
   * @param entries of different slots.
   * @returns one for each entry.
   */
  runMixed?(entries: readonly BatchEntry[]): Promise<EntryLogits[]>;
  /**
   * The largest logit of each of equal blocks of the vocabulary, for the rows of the last `decode`: `[slots, blocks]`. Absent where the graph
   * does not say. The array is always the same one.
   */
  readonly decodeMaxima?: Float32Array | undefined;
  /**
   * Whether several tokens at once have other logits than one after the other: drafts cannot be checked then, nor can a prompt go on from
   * what another one left, and generated tokens that must be run again are run one after the other again. Default: no.
   */
  readonly chunksDiffer?: boolean;
  /** Copies the first `length` positions of a slot to another. */
  copySlot(from: number, to: number, length: number): void;
  /** Exchanges the first `length` positions of two slots. */
  swapSlots(a: number, b: number, length: number): void;
  /** Gives back the memory of a slot from a position on, where the device can; nothing there is needed any more. */
  releaseSlot(slot: number, from: number): void;
  /**
   * The widest window of those layers in which a token sees no more than the latest positions. Absent where there are none, or where their
   * memory cannot be given back: then there is nothing to trim.
   */
  readonly window?: number | undefined;
  /** Gives back the memory of a slot before a position in layers with a window; no token to come sees anything there. */
  trimSlot?(slot: number, before: number): void;
  /** Makes the run under way fail soon, and all later ones at once. */
  abort(): void;
  /** Frees cache and session. No run may be under way. */
  dispose(): void;
}

/** Inputs of a run over a fixed range of slots, whose arrays are written before each run. */
interface BoundRange {
  readonly binding: IoBinding;
  /** What runs read from JavaScript's arrays, by the inputs' names. */
  readonly inputs: readonly (readonly [name: string, Tensor])[];
  /** What else is bound. */
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
 * outermost axis; the views are bound once and kept. The cache stays on the session's device: ids and lengths go there, and the logits
 * that are wanted come back.
 */
export class SlotDecoder implements Decoder {
  readonly slots: number;
  readonly shape: DecoderShape;
  readonly window: number | undefined;
  readonly #session: Session;
  readonly #owned = new DisposeStack();
  readonly #runOptions: RunOptions;
  readonly #cache: SlotCache;
  readonly #total = new Int32Array(1);
  readonly #totalTensor = this.#owned.use(Tensor.fromArray(this.#total, []));
  readonly #decodeLogits: OutputFloats;
  readonly #decodeMaxima: OutputFloats | undefined;
  /** Steps of not too many sequences, where the session captures. */
  readonly #captured: CapturedDecode | undefined;
  readonly #decodeRanges = new Map<number, DecodeRange>();
  readonly #prefillRanges = new Map<number, PrefillRange>();

  /**
   * @param capturedRows of how many sequences, at most, steps are captured as graphs: 0 unless the session was loaded for that.
   * @throws OrtError where a graph cannot be captured; KvasirError `runtime_failure` where the device has not enough memory for the cache
   */
  constructor(session: Session, shape: DecoderShape, slots: number, capturedRows = 0) {
    this.#session = session;
    this.#runOptions = this.#owned.use(new RunOptions(capturedRows > 0 ? UNCAPTURED : {}));
    this.shape = shape;
    this.slots = slots;
    const { contextLength, cacheType: type = 'float32', windows = [] } = shape;
    const widest = Math.max(0, ...windows.map(window => window ?? 0));
    const givesBack = session.device.isHostMemory && CAN_DISCARD_PAGES;
    this.window = widest > 0 && givesBack ? widest : undefined;
    const layout = { parts: cacheParts(shape), type, contextLength, slots };
    const outputs = (width: number): OutputFloats =>
      this.#owned.use(new OutputFloats(session, slots * width));
    const blocks = session.outputs.find(({ name }) => name === 'logits_maxima')?.shape[1];
    try {
      this.#cache = this.#owned.use(new SlotCache(session, layout));
      this.#decodeLogits = outputs(shape.vocabularySize);
      if (blocks !== undefined) this.#decodeMaxima = outputs(Number(blocks));
      if (capturedRows > 0) this.#captured = this.#owned.use(this.#capture(Math.min(capturedRows, slots)));
    } catch (error) {
      this.#owned.dispose();
      throw error;
    }
  }

  get decodeMaxima(): Float32Array | undefined {
    return this.#decodeMaxima?.values;
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
    await this.#run(range);
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
      await this.#run(range);
    } finally {
      release(range);
    }
    return logits;
  }

  async decode(ids: readonly number[], cached: readonly number[]): Promise<Float32Array> {
    const { vocabularySize } = this.shape;
    const logits = this.#decodeLogits.values.subarray(0, ids.length * vocabularySize);
    if (this.#captured !== undefined && ids.length <= this.#captured.rows) {
      this.#captured.run(ids, cached);
      // Whoever waits for the event loop gets it between steps, as when runs are elsewhere.
      await new Promise(resolve => setImmediate(resolve));
      return logits;
    }
    const range = this.#decodeRange(ids.length);
    let longest = 0;
    for (let slot = 0; slot < ids.length; slot++) {
      range.ids[slot] = BigInt(ids[slot]!);
      range.lengths[slot] = cached[slot]!;
      longest = Math.max(longest, cached[slot]! + 1);
    }
    this.#total[0] = longest;
    await this.#run(range);
    return logits;
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

  trimSlot(slot: number, before: number): void {
    this.#cache.trim(slot, before);
  }

  abort(): void {
    this.#runOptions.terminate();
    this.#captured?.abort();
  }

  dispose(): void {
    for (const range of [...this.#decodeRanges.values(), ...this.#prefillRanges.values()]) release(range);
    this.#decodeRanges.clear();
    this.#prefillRanges.clear();
    this.#owned.dispose();
    this.#session.dispose();
  }

  #capture(rows: number): CapturedDecode {
    const { contextLength, vocabularySize } = this.shape;
    return new CapturedDecode(this.#session, {
      rows,
      contextLength,
      vocabularySize,
      logits: this.#decodeLogits.values,
      maxima: this.decodeMaxima,
      bindCache: (binding, count) => this.#cache.bind(binding, 0, count),
    });
  }

  /**
   * Binding an input is what carries it to the device. All are bound again, changed or not: captured graphs write to what was free when
   * they were captured, and what was bound before may lie there.
   */
  async #run({ binding, inputs }: BoundRange): Promise<void> {
    for (const [name, tensor] of inputs) binding.bindInput(name, tensor);
    binding.bindInput('total_sequence_length', this.#totalTensor);
    await this.#session.run(binding, this.#runOptions);
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
      const logits = this.#decodeLogits.values.subarray(0, count * vocabularySize);
      const logitsTensor = Tensor.fromArray(logits, [count, vocabularySize]);
      bound.binding.bindOutput('logits', logitsTensor);
      const tensors = [...bound.tensors, logitsTensor];
      const { decodeMaxima } = this;
      if (decodeMaxima !== undefined) {
        const blocks = decodeMaxima.length / this.slots;
        const maxima = Tensor.fromArray(decodeMaxima.subarray(0, count * blocks), [count, blocks]);
        bound.binding.bindOutput('logits_maxima', maxima);
        tensors.push(maxima);
      }
      range = {
        ids,
        lengths,
        binding: bound.binding,
        inputs: [...bound.inputs, ['input_ids', idsTensor], ['logits_positions', positionsTensor]],
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

  /** Binds the caches of slots `first .. first + count - 1` in place. */
  #bindSlots(first: number, count: number, lengths: Int32Array): BoundRange {
    const binding = new IoBinding(this.#session);
    const tensors = this.#cache.bind(binding, first, count);
    return { binding, tensors, inputs: [['seqlens_k', Tensor.fromArray(lengths, [count])]] };
  }
}

function release({ binding, inputs, tensors }: BoundRange): void {
  binding.dispose();
  for (const tensor of [...inputs.map(([, tensor]) => tensor), ...tensors]) tensor.dispose();
}

/** Keys and values of each layer, as the graph writer names them. */
export function cacheParts({ layers, kvHeads, headSize, windows }: DecoderShape): CachePart[] {
  return Array.from({ length: layers }, (_, layer) =>
    ['key', 'value'].map(side => ({
      past: `past.${layer}.${side}`,
      present: `present.${layer}.${side}`,
      heads: kvHeads,
      headSize,
      isWindowed: windows?.[layer] !== undefined,
    })),
  ).flat();
}
