/** What of a recording is read at most. */
export interface AudioLimits {
  /** Longest recording, in seconds. */
  readonly maxSeconds: number;
}

/** A recording that is being decoded: 16 kHz, one channel. */
export interface DecodedAudio {
  /**
   * Blocks of samples in `[-1, 1]` (louder ones are left as they are), none empty. They are decoded on a thread, a
   * little ahead of who reads them; leaving the loop ends the work. Each is good until the next one is asked for.
   *
   * @throws KvasirError `invalid_request` of `file` where it is broken, empty, or of no known form: the message
   * lists the forms that can be read; `body_too_large` where it is too long
   */
  readonly samples: AsyncIterable<Float32Array>;
}

/** Samples a second of decoded sound. */
export const SAMPLE_RATE = 16_000;
