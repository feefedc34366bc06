/** Samples a second of the sound that is heard. */
export const SAMPLING_RATE = 16_000;
/** Samples from one frame to the next: 10 ms. */
export const HOP = 160;
/** Samples that a frame hears. */
export const WINDOW = 400;

/** Makes features of sound: what an encoder that hears reads. */
export interface SoundFeatures {
  /** Points in time of a window, {@link HOP} samples apart; 3000, which are 30 s. */
  readonly frames: number;
  /** Begins a recording. */
  open(): Recording;
  /** Frees what computes. No {@link Recording} may be at work. */
  dispose(): void;
}

/**
 * Features of a recording, computed as its samples come. They are kept, and the samples are not: at 80 bins,
 * 115 MB an hour; at 128 bins, 184 MB. Of an encoder that hears samples these are kept, 230 MB an hour.
 */
export interface Recording {
  /**
   * Frames that are known so far: those that no later sample changes, and after {@link end} all that lie within
   * the sound, a whole one for every {@link HOP} samples.
   */
  readonly frames: number;
  /**
   * Hears more of it, in blocks of any length, one call at a time.
   *
   * @param samples of {@link SAMPLING_RATE}; the array may be used again once the call is over.
   * @throws KvasirError `invalid_request` for samples that are no numbers; `runtime_failure`
   */
  append(samples: Float32Array): Promise<void>;
  /** The sound is over: silence is behind it. */
  end(): Promise<void>;
  /**
   * What an encoder reads of the frames `[seek, seek + length)`: logarithms of power, those more than 8 powers of
   * ten below the largest of the recording so far raised to that, as `(x + 4) / 4` (Radford et al. 2022;
   * openai/whisper, `log_mel_spectrogram`). Behind them zeros, as `transcribe` there has it.
   *
   * @param length at most {@link SoundFeatures.frames} and what is known.
   * @returns `[bins, SoundFeatures.frames]`; of an encoder that hears samples those of the frames, no others behind
   * them. Its caller's own.
   */
  window(seek: number, length: number): Float32Array;
}
