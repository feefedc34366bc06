import type { Span } from './quiet-cuts.js';

/** Listens to a recording as it comes, and tells which stretches of it are worth being transcribed. */
export interface PieceFinder {
  /** Hears more of it, one call at a time. The array may be used again once the call is over. */
  append(samples: Float32Array): Promise<void>;
  /**
   * Once, when all has been heard.
   *
   * @param frames of the recording.
   * @returns in frames, in order; they do not overlap, and none is longer than a window.
   */
  pieces(frames: number): Promise<readonly Span[]>;
}
