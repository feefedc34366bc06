import type { IoBinding } from '#runtime/index.js';
import type { EncodeResult, SlotOperation, SourceEntry, SourceTraits } from '../contract.js';

/** Tokens that one row of a run has, at most: each takes some memory for every position of its source. */
export const LONGEST_CHUNK = 128;

/** What runs over some consecutive slots read of their sources. */
export interface SourceRows {
  /**
   * Binds what the next run reads.
   *
   * @param sequence tokens of each row, at most {@link LONGEST_CHUNK}; more than one only for one row.
   */
  prepare(sequence: number): void;
  dispose(): void;
}

/** The sources of a decoder's slots: keys and values that an encoder has given for the decoder's cross-attention. */
export interface Sources {
  readonly traits: SourceTraits;
  /** See `Decoder.encode`. */
  encode(entries: readonly SourceEntry[]): Promise<EncodeResult>;
  /** What runs over slots `first .. first + count - 1` read; goes before the binding's decoder. */
  rows(binding: IoBinding, first: number, count: number): SourceRows;
  /** Does with sources what is done with slots. */
  arrange(operation: SlotOperation): void;
  /** Makes the run under way fail soon, and all later ones at once. */
  abort(): void;
  /** Frees sources and encoder. No run may be under way. */
  dispose(): void;
}
