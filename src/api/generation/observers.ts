import type { GenerationRequest, SequenceReport } from '#engine/types.js';

/** Follows the sequences that a request generates. */
export interface SequenceObserver {
  /**
   * Text of a sequence came.
   *
   * @param tokens how many it consists of.
   * @param seconds since the text before it, or for the first since the start.
   */
  onTokens?(tokens: number, seconds: number, first: boolean): void;
  onEnd?(sequence: EndedSequence): void;
}

/** A sequence that came to its end, or was cut off. */
export interface EndedSequence {
  readonly request: GenerationRequest;
  /** Milliseconds since the epoch. */
  readonly started: number;
  /** Generated, as far as their text was read. */
  readonly tokens: number;
  readonly reason: 'stop' | 'length' | 'abort' | 'error';
  /** Only of those that came to their end. */
  readonly report: SequenceReport | undefined;
}
