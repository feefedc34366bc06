import type { EncoderTask } from '#graph/encoder-task.js';

/** What an encoder's head answers; the shape of its result follows from it, see {@link EncoderOutput}. */
export type { EncoderTask } from '#graph/encoder-task.js';

/** One tokenized text (or pair of texts), special tokens included. */
export interface EncoderInput {
  /** At least one id, at most {@link Encoder.contextLength}. */
  readonly ids: readonly number[];
  /** Segment of each token, in `[0, segments)`; absent: all 0. Models without segments ignore it. */
  readonly typeIds?: readonly number[] | undefined;
  /** `fill-mask` only: which positions of `ids` to project onto the vocabulary. */
  readonly positions?: readonly number[];
  /** `embedding` only: how many of the first tokens have no share in the pooled vector; default 0. */
  readonly unpooled?: number | undefined;
  /**
   * `token-embedding` only: how many of the last tokens are seen by no other, though they see these; default 0.
   */
  readonly unseen?: number | undefined;
  /** Of a model with adapters for tasks: which of them is wanted, counted from 1; 0, the default: none. */
  readonly task?: number | undefined;
  /** `embedding` only: the vector of each token is wanted, before they are pooled. */
  readonly everyToken?: boolean;
}

/**
 * One text's result, `[rows, width]`, row by row: `embedding` `[1, dimension]`, with `everyToken`
 * `[ids.length, hidden]`; `sequence-classification`
 * `[1, labels]`; `token-embedding` `[ids.length, dimension]`; `token-classification` `[ids.length, labels]`; `fill-mask` `[positions.length, vocabulary]`;
 * `question-answering` `[ids.length, 2]` (start and end logit). Padding never shows.
 */
export interface EncoderOutput {
  readonly values: Float32Array;
  readonly rows: number;
  readonly width: number;
}

/** A one-shot model. */
export interface Encoder {
  readonly task: EncoderTask;
  /** Longest input, in tokens. */
  readonly contextLength: number;
  /** Width of a result row: dimension, labels, vocabulary, or 2. */
  readonly width: number;
  /** Width of a token's vector, where `everyToken` may be asked for. */
  readonly tokenWidth?: number | undefined;
  /** Ids are in `[0, vocabularySize)`. */
  readonly vocabularySize: number;
  /** Segments that the model tells apart; 1 where it knows none. */
  readonly segments: number;
  /**
   * Runs one batch. Inputs must be right: the batcher has checked them. Several runs may be under way.
   *
   * @returns one result per input, in order; a text's result does not depend on what it is batched with.
   */
  run(inputs: readonly EncoderInput[]): Promise<EncoderOutput[]>;
  /** Makes the run under way fail soon, and all later ones at once. */
  abort(): void;
  /** Frees the session. No run may be under way. */
  dispose(): void;
}
