import type { SoundShape, WaveformShape } from '#graph/assembly/seq2seq/sound-shape.js';
import type { CacheType } from '#graph/build.js';
import type { LayerCache } from '../cache/layer-cache.js';

export type { SoundShape, WaveformShape };

/** Sizes of a decoder and its cache. */
export interface DecoderShape {
  readonly layers: readonly LayerCache[];
  readonly vocabularySize: number;
  /** Longest sequence, in tokens. */
  readonly contextLength: number;
  /** Of keys and values; default `float32`. */
  readonly cacheType?: CacheType;
}

/** What a decoder with an encoder reads besides its own tokens. */
export interface SourceTraits {
  /** Longest source, in tokens or positions. */
  readonly longest: number;
  /** Ids of a source are below this; 0 where it hears. */
  readonly vocabularySize: number;
  /** Of a decoder that hears: what each of its sources holds. */
  readonly sound?: SoundShape | WaveformShape | undefined;
}

/** A sound that a sequence attends to. */
export interface SoundSource {
  /** Two sources with the same key are the same sound: what is in the cache of one is not encoded again. */
  readonly key: string;
  /** As the encoder reads them: `[bins, frames]`, or samples. */
  readonly features: Float32Array;
}

/** A source that a slot's sequence attends to: tokens of a text, or sound. */
export interface SourceEntry {
  readonly slot: number;
  /** At least one, and no more than {@link SourceTraits.longest}; none of sound. */
  readonly ids: readonly number[];
  readonly sound?: SoundSource | undefined;
}

/** How a decoder differs from others; a scheduler plans by it. */
export interface DecoderTraits {
  /**
   * Whether prompts, as many as one run takes, share it with single tokens of other slots (Sarathi-Serve,
   * Agrawal et al. 2024).
   */
  readonly mixes: boolean;
  /** Whether any chunks of several prompts share a run. */
  readonly packs: boolean;
  /** Whether several prompts of consecutive slots share a run where each is whole, from its beginning on. */
  readonly wholePrompts: boolean;
  /**
   * Whether several tokens at once have the same logits as one after the other, up to rounding. Otherwise
   * drafts cannot be checked, nor can a prompt go on from what another one left, and generated tokens that
   * must be run again are run one after the other again.
   */
  readonly chunkInvariant: boolean;
  /**
   * The widest window of those layers in which a token sees no more than the latest positions. Undefined
   * where there are none, or where their memory cannot be given back: then slots are never trimmed.
   */
  readonly window: number | undefined;
  /** How many positions may be filled in all slots together; Infinity: all. */
  readonly cacheTokens: number;
}

/** Which positions of an entry are projected onto the vocabulary: the others' logits are never computed. */
export type WantedLogits = 'none' | 'last' | 'all';

/**
 * A piece of one slot's sequence: a prompt or a chunk of it, the latest token, or that token with a draft of
 * the next ones.
 */
export interface BatchEntry {
  readonly slot: number;
  /** At least one; `computed + ids.length <= contextLength`. */
  readonly ids: readonly number[];
  /** Positions of the slot that are filled already. */
  readonly computed: number;
  readonly wanted: WantedLogits;
}

/** What the run of an entry gave; valid until the next call of {@link Decoder.run}. */
export interface EntryLogits {
  /** `[positions wanted, vocabulary]` */
  readonly logits: Float32Array;
  /**
   * The largest logit of each of equal blocks of the vocabulary, `[positions wanted, blocks]`; undefined
   * where the graph does not say.
   */
  readonly maxima?: Float32Array | undefined;
  /**
   * The logarithm of the sum of the logits' exponentials, `[positions wanted]`: what makes log-probabilities of
   * logits; undefined where the graph does not say.
   */
  readonly logSums?: Float32Array | undefined;
}

/** The run of an entry failed. The slot holds what it held before, the first `computed` positions. */
export interface EntryFailure {
  readonly error: Error;
}

export type EntryResult = EntryLogits | EntryFailure;

/** One run of a graph, of those that did not fail. */
export interface RunTime {
  /** Slots that were continued by their latest token alone. */
  readonly decoding: number;
  /** Tokens of all other entries, with what pads them. */
  readonly promptTokens: number;
  /** Milliseconds. */
  readonly ms: number;
}

export interface BatchResult {
  /** One for each entry, in the entries' order. */
  readonly results: readonly EntryResult[];
  /** The runs that the entries took. */
  readonly runs: readonly RunTime[];
}

/** Where the tokens of a text look in its source, and what they make of it; valid until the next run. */
export interface AlignedText {
  /** Attention heads that look where a token is heard. */
  readonly heads: number;
  /** `[heads, tokens, positions of the source]`; each row sums to 1. */
  readonly weights: Float32Array;
  /** `[tokens, vocabulary]` */
  readonly logits: Float32Array;
}

/** What came of sources. */
export interface EncodeResult {
  /** One for each entry, in the entries' order: an error, and the slot has no source, or nothing. */
  readonly results: readonly (EntryFailure | undefined)[];
  /** The runs that the entries took; tokens of sources count as those of prompts. */
  readonly runs: readonly RunTime[];
}

/** What is done to the cache between runs. A slot's source, if it has one, moves with its positions. */
export type SlotOperation =
  /**
   * Positions `[begin, length)` of `from` are copied to `to`, where the first `begin` are the same already;
   * the source with them only where `begin` is 0, its default. A `length` of 0 copies the source alone.
   */
  | {
      readonly kind: 'copy';
      readonly from: number;
      readonly to: number;
      readonly length: number;
      readonly begin?: number;
    }
  /** The first `length` positions of two slots are exchanged, and their sources. */
  | { readonly kind: 'swap'; readonly a: number; readonly b: number; readonly length: number }
  /**
   * Nothing in the slot is needed any more from position `from` on, and where that is 0, nor is its source: its
   * memory may be given back.
   */
  | { readonly kind: 'release'; readonly slot: number; readonly from: number }
  /**
   * Layers with a window need nothing in the slot before position `before` any more: its memory there may be
   * given back.
   */
  | { readonly kind: 'trim'; readonly slot: number; readonly before: number };

/** A decoder with its KV cache, one slot per sequence. */
export interface Decoder {
  readonly slots: number;
  readonly shape: DecoderShape;
  readonly traits: DecoderTraits;
  /** Of a decoder that attends to a source; all others have neither this nor {@link encode}. */
  readonly source?: SourceTraits | undefined;
  /**
   * Reads sources, each for the sequence of its slot, in as few runs as it can: those of consecutive slots share
   * one. A slot keeps its source until it gets another, or is released from position 0 on. A run that fails gives
   * its own entries an error, and the others go on. Never while another run is under way.
   *
   * @param entries at least one, of different slots.
   */
  readonly encode?: ((entries: readonly SourceEntry[]) => Promise<EncodeResult>) | undefined;
  /**
   * Runs a text over a slot's source once more, and tells where each of its tokens looked. What the slot holds of
   * a text is lost. Absent where no heads are known that look where a token is heard.
   */
  readonly align?: ((slot: number, ids: readonly number[]) => Promise<AlignedText>) | undefined;
  /**
   * Continues several slots, each by a piece of its sequence, in as few runs of the graph as it can. A run
   * that fails gives its own entries an error, and the others go on. One call at a time; the engine sees to
   * it.
   *
   * @param entries at least one, of different slots. Those that continue slots `0 .. n-1` by their latest
   * tokens come first, in the slots' order.
   */
  run(entries: readonly BatchEntry[]): Promise<BatchResult>;
  /**
   * Changes the cache. Not while a run is under way. `trim` only where {@link DecoderTraits.window} is known.
   */
  arrange(operation: SlotOperation): void;
  /** Makes the run under way fail soon, and all later ones at once. */
  abort(): void;
  /** Frees cache and session. No run may be under way. */
  dispose(): void;
}
