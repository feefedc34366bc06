import {
  CAN_DISCARD_PAGES,
  DisposeStack,
  IoBinding,
  OutputFloats,
  RunOptions,
  type SharedWeights,
  Tensor,
  type Session,
} from '#runtime/index.js';
import { cacheParts, sourceParts, widestWindow, type CachePart } from '../../cache/layer-cache.js';
import { SlotCache } from '../../cache/slot-cache.js';
import { joinedLogits } from '../entry-logits.js';
import { KeptFloats } from '../kept-floats.js';
import { LONGEST_CHUNK, type SourceRows, type Sources } from '../seq2seq/sources.js';
import { AlignedRows, type AlignmentHead } from '../seq2seq/aligned-rows.js';
import { MixedRuns } from '../mixed/mixed-runs.js';
import { CapturedDecode, UNCAPTURED } from '../captured/captured-decode.js';
import type {
  AlignedText,
  BatchEntry,
  BatchResult,
  Decoder,
  DecoderShape,
  DecoderTraits,
  EntryLogits,
  SlotOperation,
} from '../contract.js';
import { entryRows, runInWays, type RunWays } from '../run-ways.js';

/** Inputs of a run over a fixed range of slots, whose arrays are written before each run. */
interface BoundRange {
  readonly binding: IoBinding;
  /** What runs read from JavaScript's arrays, by the inputs' names. */
  readonly inputs: readonly (readonly [name: string, Tensor])[];
  /** What else is bound. */
  readonly tensors: readonly Tensor[];
  /** Of a decoder with sources. */
  readonly sources?: SourceRows | undefined;
}
interface DecodeRange extends BoundRange {
  readonly ids: BigInt64Array;
  readonly lengths: Int32Array;
}
interface PrefillRange extends BoundRange {
  readonly lengths: Int32Array;
}

/** Tokens of a run that tells where they look: it does so of all heads, which is memory. */
const ALIGNED_CHUNK = 64;

export interface SlotDecoderOptions {
  /** A session of the graph with mixed attention, for runs that prompts share with rows that decode. */
  readonly mixed?: Session | undefined;
  /** What its sessions share. */
  readonly weights?: SharedWeights | undefined;
  /**
   * Of how many sequences, at most, steps are captured as graphs: 0, the default, unless the session was loaded
   * for that.
   */
  readonly capturedRows?: number | undefined;
  /** Of a graph that attends to sources; goes with the decoder. Not together with the options above. */
  readonly sources?: Sources | undefined;
  /** Of a graph that tells where tokens look in sources of one length: the heads that look where one is heard. */
  readonly alignmentHeads?: readonly AlignmentHead[] | undefined;
}

/**
 * Runs a graph with GroupQueryAttention whose past and present are the same memory: one buffer per layer and
 * side, `[slots, kvHeads, contextLength, headSize]`, written in place by the operator. A range of slots is a
 * view into it, since slots are the outermost axis; the views are bound once and kept. The cache stays on the
 * session's device: ids and lengths go there, and the logits that are wanted come back.
 *
 * A graph that attends to sources has a cache of those beside it: {@link Sources}.
 */
export class SlotDecoder implements Decoder {
  readonly slots: number;
  readonly shape: DecoderShape;
  readonly traits: DecoderTraits;
  readonly source: Decoder['source'];
  readonly encode: Decoder['encode'];
  readonly align: Decoder['align'];
  readonly #session: Session;
  readonly #weights: SharedWeights | undefined;
  readonly #sources: Sources | undefined;
  readonly #owned = new DisposeStack();
  readonly #runOptions: RunOptions;
  readonly #cache: SlotCache;
  readonly #total = new Int32Array(1);
  readonly #totalTensor = this.#owned.use(Tensor.fromArray(this.#total, []));
  readonly #decodeLogits: OutputFloats;
  readonly #decodeMaxima: OutputFloats | undefined;
  readonly #decodeLogSums: OutputFloats | undefined;
  /** What a decode step gives each slot: the same rows of the same memory every time. */
  readonly #decodeRows: readonly EntryLogits[];
  /** Steps of not too many sequences, where the session captures. */
  readonly #captured: CapturedDecode | undefined;
  /** What other runs than decode steps give: of as many rows as there are slots, and a prompt's last one. */
  readonly #floats: KeptFloats;
  readonly #decodeRanges = new Map<number, DecodeRange>();
  readonly #prefillRanges = new Map<number, PrefillRange>();
  readonly #ways: RunWays;

  /**
   * @param session goes with the decoder, as do those of the options.
   * @throws OrtError where a graph cannot be captured; KvasirError `runtime_failure` where the device has not
   * enough memory for the cache
   */
  constructor(
    session: Session,
    shape: DecoderShape,
    slots: number,
    { mixed, weights, capturedRows = 0, sources, alignmentHeads }: SlotDecoderOptions = {},
  ) {
    this.#session = session;
    this.#weights = weights;
    this.#sources = sources;
    this.source = sources?.traits;
    this.encode = sources && (entries => sources.encode(entries));
    this.align = alignmentHeads && ((slot, ids) => this.#align(slot, ids, alignmentHeads));
    this.#runOptions = this.#owned.use(new RunOptions(capturedRows > 0 ? UNCAPTURED : {}));
    this.shape = shape;
    this.slots = slots;
    const { layers, vocabularySize, contextLength, cacheType: type = 'float32' } = shape;
    const givesBack = session.device.isHostMemory && CAN_DISCARD_PAGES;
    this.traits = {
      mixes: mixed !== undefined,
      packs: false,
      wholePrompts: sources === undefined,
      chunkInvariant: true,
      window: givesBack ? widestWindow(layers) : undefined,
      cacheTokens: Infinity,
    };
    const layout = { parts: cacheParts(layers), type, contextLength, slots };
    const outputs = (width: number): OutputFloats =>
      this.#owned.use(new OutputFloats(session, slots * width));
    const maxima = session.outputs.find(({ name }) => name === 'logits_maxima');
    const blocks = maxima && Number(maxima.shape[1]);
    this.#floats = new KeptFloats((slots + 1) * (vocabularySize + (blocks ?? 0)));
    try {
      if (sources !== undefined) this.#owned.use(sources);
      if (mixed !== undefined) this.#owned.use(mixed);
      this.#cache = this.#owned.use(new SlotCache(session, layout));
      const runs =
        mixed && this.#owned.use(new MixedRuns(mixed, shape, this.#cache, this.#runOptions, this.#floats));
      const hasSources = sources !== undefined;
      this.#ways = {
        decode: entries => this.#decode(entries),
        decodesFirst: hasSources,
        prefillTogether: hasSources ? undefined : entries => this.#prefillTogether(entries),
        prefill: entry => (hasSources ? this.#prefillInPieces(entry) : this.#prefill(entry)),
        mix: runs && (part => runs.run(part)),
      };
      this.#decodeLogits = outputs(vocabularySize);
      if (blocks !== undefined) this.#decodeMaxima = outputs(blocks);
      if (session.outputs.some(({ name }) => name === 'logits_log_sums')) this.#decodeLogSums = outputs(1);
      if (capturedRows > 0) this.#captured = this.#owned.use(this.#capture(Math.min(capturedRows, slots)));
    } catch (error) {
      this.#owned.dispose();
      throw error;
    }
    this.#decodeRows = Array.from({ length: slots }, (_, slot) => {
      const row = (of: Float32Array, width: number): Float32Array =>
        of.subarray(slot * width, (slot + 1) * width);
      return {
        logits: row(this.#decodeLogits.values, vocabularySize),
        maxima: this.#decodeMaxima && row(this.#decodeMaxima.values, blocks!),
        logSums: this.#decodeLogSums && row(this.#decodeLogSums.values, 1),
      };
    });
  }

  run(entries: readonly BatchEntry[]): Promise<BatchResult> {
    this.#floats.reset();
    return runInWays(entries, this.#ways);
  }

  arrange(operation: SlotOperation): void {
    this.#cache.arrange(operation);
    this.#sources?.arrange(operation);
  }

  abort(): void {
    this.#runOptions.terminate();
    this.#captured?.abort();
    this.#sources?.abort();
  }

  dispose(): void {
    for (const range of [...this.#decodeRanges.values(), ...this.#prefillRanges.values()]) release(range);
    this.#decodeRanges.clear();
    this.#prefillRanges.clear();
    this.#owned.dispose();
    this.#session.dispose();
    this.#weights?.dispose();
  }

  /** In pieces of as many tokens as may see a source together. */
  async #prefillInPieces({ ids, computed, wanted, ...entry }: BatchEntry): Promise<EntryLogits> {
    const results: EntryLogits[] = [];
    for (let begin = 0; begin < ids.length; begin += LONGEST_CHUNK) {
      const piece = ids.slice(begin, begin + LONGEST_CHUNK);
      const isLast = begin + piece.length === ids.length;
      const own = wanted === 'last' && !isLast ? 'none' : wanted;
      results.push(await this.#prefill({ ...entry, ids: piece, computed: computed + begin, wanted: own }));
    }
    return joinedLogits(results);
  }

  async #align(slot: number, ids: readonly number[], heads: readonly AlignmentHead[]): Promise<AlignedText> {
    this.#floats.reset();
    const { longest } = this.source!;
    const [{ heads: inLayer }] = sourceParts(this.shape.layers) as [CachePart];
    const aligned = new AlignedRows(heads, inLayer, ids.length, longest);
    const logits: EntryLogits[] = [];
    for (let begin = 0; begin < ids.length; begin += ALIGNED_CHUNK) {
      const piece = ids.slice(begin, begin + ALIGNED_CHUNK);
      const lengths = new Int32Array(1);
      const range = { lengths, ...this.#bindSlots(slot, 1, lengths) };
      const looks = aligned.bind(range.binding, begin, piece.length);
      try {
        logits.push(await this.#prefillRow(range, { slot, ids: piece, computed: begin, wanted: 'all' }));
        looks.take();
      } finally {
        looks.dispose();
        release(range);
      }
    }
    return { heads: heads.length, weights: aligned.weights, logits: joinedLogits(logits).logits };
  }

  #prefill(entry: BatchEntry): Promise<EntryLogits> {
    return this.#prefillRow(this.#prefillRange(entry.slot), entry);
  }

  async #prefillRow(range: PrefillRange, { ids, computed, wanted }: BatchEntry): Promise<EntryLogits> {
    const { vocabularySize } = this.shape;
    const length = ids.length;
    const positions =
      wanted === 'none' ? [] : wanted === 'last' ? [length - 1] : Array.from(ids, (_, i) => i);
    const logits = this.#floats.take(positions.length * vocabularySize);
    using idsTensor = Tensor.fromArray(BigInt64Array.from(ids, BigInt), [1, length]);
    using positionsTensor = Tensor.fromArray(BigInt64Array.from(positions, BigInt), [positions.length]);
    using logitsTensor = Tensor.fromArray(logits, [positions.length, vocabularySize]);
    range.binding
      .bindInput('input_ids', idsTensor)
      .bindInput('logits_positions', positionsTensor)
      .bindOutput('logits', logitsTensor);
    range.lengths[0] = computed + length - 1;
    this.#total[0] = computed + length;
    await this.#run(range, length);
    return { logits };
  }

  async #prefillTogether(entries: readonly BatchEntry[]): Promise<readonly EntryLogits[]> {
    const { vocabularySize } = this.shape;
    const rows = entries.length;
    const longest = Math.max(...entries.map(({ ids }) => ids.length));
    // Padded on the right: what the padding leaves in the cache lies beyond the sequence, where its next
    // tokens overwrite it.
    const ids = new BigInt64Array(rows * longest);
    const lengths = new Int32Array(rows);
    const positions = new BigInt64Array(rows);
    entries.forEach(({ ids: own }, row) => {
      own.forEach((id, i) => (ids[row * longest + i] = BigInt(id)));
      lengths[row] = own.length - 1;
      positions[row] = BigInt(row * longest + own.length - 1);
    });
    const logits = this.#floats.take(rows * vocabularySize);
    const range = this.#bindSlots(entries[0]!.slot, rows, lengths);
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
    return entryRows(logits, rows);
  }

  async #decode(entries: readonly BatchEntry[]): Promise<readonly EntryLogits[]> {
    const count = entries.length;
    if (this.#captured !== undefined && count <= this.#captured.rows) {
      this.#captured.run(entries);
      // Whoever waits for the event loop gets it between steps, as when runs are elsewhere.
      await new Promise(resolve => setImmediate(resolve));
    } else {
      const range = this.#decodeRange(count);
      let longest = 0;
      for (let slot = 0; slot < count; slot++) {
        const { ids, computed } = entries[slot]!;
        range.ids[slot] = BigInt(ids[0]!);
        range.lengths[slot] = computed;
        longest = Math.max(longest, computed + 1);
      }
      this.#total[0] = longest;
      await this.#run(range);
    }
    return this.#decodeRows.slice(0, count);
  }

  #capture(rows: number): CapturedDecode {
    const { contextLength, vocabularySize } = this.shape;
    return new CapturedDecode(this.#session, {
      rows,
      contextLength,
      vocabularySize,
      logits: this.#decodeLogits.values,
      maxima: this.#decodeMaxima?.values,
      bindCache: (binding, count) => this.#cache.bind(binding, 0, count),
    });
  }

  /**
   * Binding an input is what carries it to the device. All are bound again, changed or not: captured graphs
   * write to what was free when they were captured, and what was bound before may lie there.
   *
   * @param sequence tokens of each row; told where rows have sources.
   */
  async #run({ binding, inputs, sources }: BoundRange, sequence = 1): Promise<void> {
    sources?.prepare(sequence);
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
      if (this.#decodeMaxima !== undefined) {
        const { values } = this.#decodeMaxima;
        const blocks = values.length / this.slots;
        const maxima = Tensor.fromArray(values.subarray(0, count * blocks), [count, blocks]);
        bound.binding.bindOutput('logits_maxima', maxima);
        tensors.push(maxima);
      }
      if (this.#decodeLogSums !== undefined) {
        const logSums = Tensor.fromArray(this.#decodeLogSums.values.subarray(0, count), [count]);
        bound.binding.bindOutput('logits_log_sums', logSums);
        tensors.push(logSums);
      }
      range = {
        ids,
        lengths,
        binding: bound.binding,
        inputs: [...bound.inputs, ['input_ids', idsTensor], ['logits_positions', positionsTensor]],
        tensors,
        sources: bound.sources,
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
    const inputs: [string, Tensor][] = [['seqlens_k', Tensor.fromArray(lengths, [count])]];
    return { binding, tensors, inputs, sources: this.#sources?.rows(binding, first, count) };
  }
}

function release({ binding, inputs, tensors, sources }: BoundRange): void {
  binding.dispose();
  sources?.dispose();
  for (const tensor of [...inputs.map(([, tensor]) => tensor), ...tensors]) tensor.dispose();
}
