/** What an encoder that hears reads of a sound: features of a window, which is always whole, `[bins, frames]`. */
export interface SoundShape {
  /** Frequencies, from low to high. */
  readonly bins: number;
  /** Points in time. */
  readonly frames: number;
}

/** What an encoder reads that hears samples of 16 kHz themselves, as many as there are within these bounds. */
export interface WaveformShape {
  /** Samples. */
  readonly shortest: number;
  readonly longest: number;
  /** Positions that the encoder makes of so many samples. */
  readonly positions: (samples: number) => number;
}

export function isWaveform(shape: SoundShape | WaveformShape): shape is WaveformShape {
  return 'positions' in shape;
}
