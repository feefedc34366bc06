import { DisposeStack, IoBinding, OutputFloats, RunOptions, Tensor, type Session } from '#runtime/index.js';
import { BlockCache } from '../../cache/block-cache.js';
import { BlockPool } from '../../cache/block-pool.js';
import { BlockTable } from '../../cache/block-table.js';
import { pagedCapacity } from '../../cache/paged-capacity.js';
import { cacheParts } from '../../cache/layer-cache.js';
import type {
  BatchEntry,
  BatchResult,
  Decoder,
  DecoderShape,
  DecoderTraits,
  EntryLogits,
  SlotOperation,
} from '../contract.js';
import { entryLogits } from '../entry-logits.js';
import { runTime } from '../run-ways.js';
import { packEntries } from './packed-entries.js';

/** Positions of a block: as few as ONNX Runtime's fused kernels take for heads of any size. */
export const BLOCK_SIZE = 256;

export interface PagedDecoderSizes {
  readonly slots: number;
  /** Blocks of the cache, in each layer. */
  readonly blocks: number;
  /** Positions of a block; default {@link BLOCK_SIZE}. */
  readonly blockSize?: number;
}

/**
 * Runs a graph with PagedAttention: the cache is a pool of blocks on the session's device, bound once as past
 * and present and written in place by the operator, and a slot is a row of the block table. Slots that begin
 * alike share blocks, and slots change places without any copy.
 */
export class PagedDecoder implements Decoder {
  readonly slots: number;
  readonly shape: DecoderShape;
  readonly traits: DecoderTraits;
  readonly #session: Session;
  readonly #owned = new DisposeStack();
  readonly #runOptions = this.#owned.use(new RunOptions());
  readonly #table: BlockTable;
  readonly #cache: BlockCache;
  readonly #binding: IoBinding;
  readonly #logits: OutputFloats;
  /** Of the vocabulary, for maxima. */
  readonly #vocabularyBlocks: number | undefined;

  /** @throws KvasirError `runtime_failure` where the device has not enough memory for the cache */
  constructor(
    session: Session,
    shape: DecoderShape,
    { slots, blocks, blockSize = BLOCK_SIZE }: PagedDecoderSizes,
  ) {
    this.#session = session;
    this.shape = shape;
    this.slots = slots;
    this.traits = {
      mixes: true,
      packs: true,
      wholePrompts: true,
      chunkInvariant: true,
      window: undefined,
      cacheTokens: pagedCapacity(blocks, { slots, blockSize, contextLength: shape.contextLength }),
    };
    const { cacheType: type = 'float32' } = shape;
    try {
      this.#cache = this.#owned.use(
        new BlockCache(session, { parts: cacheParts(shape.layers), type, blockSize, blocks }),
      );
      this.#table = new BlockTable(new BlockPool(blocks), slots, blockSize);
      this.#logits = this.#owned.use(new OutputFloats(session, slots * shape.vocabularySize));
      this.#binding = this.#owned.use(new IoBinding(session));
      for (const tensor of this.#cache.bind(this.#binding)) this.#owned.use(tensor);
    } catch (error) {
      this.#owned.dispose();
      throw error;
    }
    const maxima = session.outputs.find(({ name }) => name === 'logits_maxima');
    this.#vocabularyBlocks = maxima && Number(maxima.shape[1]);
  }

  async run(entries: readonly BatchEntry[]): Promise<BatchResult> {
    const began = performance.now();
    try {
      const rows = await this.#continue(entries);
      return {
        results: entryLogits(entries, rows, this.shape.vocabularySize, this.#vocabularyBlocks),
        runs: [runTime(entries, performance.now() - began, false)],
      };
    } catch (error) {
      return { results: entries.map(() => ({ error: error as Error })), runs: [] };
    }
  }

  arrange(operation: SlotOperation): void {
    this.#table.arrange(operation);
  }

  abort(): void {
    this.#runOptions.terminate();
  }

  dispose(): void {
    this.#owned.dispose();
    this.#session.dispose();
  }

  /** Runs the entries; their rows are one after the other. */
  async #continue(entries: readonly BatchEntry[]): Promise<EntryLogits> {
    try {
      // What a slot held before may be in blocks that another one needs now.
      for (const { slot, computed } of entries) this.#table.truncate(slot, computed);
      for (const { slot, ids, computed } of entries) {
        const copy = this.#table.extend(slot, computed, ids.length);
        if (copy !== undefined) this.#cache.copy(copy.from, copy.to);
      }
      return await this.#run(entries);
    } catch (error) {
      // Nobody knows how much of it was written.
      for (const { slot, computed } of entries) this.#table.truncate(slot, computed);
      throw error;
    }
  }

  async #run(entries: readonly BatchEntry[]): Promise<EntryLogits> {
    const { vocabularySize } = this.shape;
    const { ids, begins, pastLengths, blockTable, width, bounds, positions } = packEntries(
      entries,
      this.#table,
    );
    const rows = positions.length;
    const size = rows * vocabularySize;
    const logits = rows <= this.slots ? this.#logits.values.subarray(0, size) : new Float32Array(size);
    const maxima =
      this.#vocabularyBlocks === undefined ? undefined : new Float32Array(rows * this.#vocabularyBlocks);
    using idsTensor = Tensor.fromArray(ids, [ids.length]);
    using beginsTensor = Tensor.fromArray(begins, [begins.length]);
    using pastTensor = Tensor.fromArray(pastLengths, [entries.length]);
    using tableTensor = Tensor.fromArray(blockTable, [entries.length, width]);
    using boundsTensor = Tensor.fromArray(bounds, [bounds.length]);
    using positionsTensor = Tensor.fromArray(positions, [rows]);
    using logitsTensor = Tensor.fromArray(logits, [rows, vocabularySize]);
    using maximaTensor = maxima && Tensor.fromArray(maxima, [rows, this.#vocabularyBlocks!]);
    this.#binding
      .bindInput('input_ids', idsTensor)
      .bindInput('cumulative_sequence_length', beginsTensor)
      .bindInput('past_seqlens', pastTensor)
      .bindInput('block_table', tableTensor)
      .bindInput('attention_metadata', boundsTensor)
      .bindInput('logits_positions', positionsTensor)
      .bindOutput('logits', logitsTensor);
    if (maximaTensor !== undefined) this.#binding.bindOutput('logits_maxima', maximaTensor);
    await this.#session.run(this.#binding, this.#runOptions);
    return { logits, maxima };
  }
}
