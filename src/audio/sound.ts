import { broken } from './failures.js';

/** A piece of decoded sound, of one channel. */
export interface Sound {
  /** Samples a second; a whole number. */
  readonly rate: number;
  readonly samples: Float32Array;
}

/** What a decoder of a form gives out, in order; the rate may change on the way. */
export type SoundStream = AsyncGenerator<Sound, void, undefined>;

/** What a file may have, and what it says of itself before its sound comes. */
export interface SoundLimits {
  /**
   * Takes notice of how long the sound will be, where the file tells.
   *
   * @throws AudioFailure `too_long`
   */
  announce(seconds: number): void;
}

/** Samples a second that are resampled; telephones have 8000, studios 192,000. */
const LOWEST_RATE = 100;
const HIGHEST_RATE = 400_000;
const MOST_CHANNELS = 64;

/**
 * Checks what a file says of its sound.
 *
 * @throws AudioFailure `broken`
 */
export function checkSound(rate: number, channels: number): void {
  if (!(rate >= LOWEST_RATE && rate <= HIGHEST_RATE))
    throw broken(`has ${rate} samples a second (${LOWEST_RATE} to ${HIGHEST_RATE} can be read)`);
  if (!(channels >= 1 && channels <= MOST_CHANNELS))
    throw broken(`has ${channels} channels (1 to ${MOST_CHANNELS} can be read)`);
}

/** The mean of the channels, each of the same length. */
export function downmix(channels: readonly Float32Array[]): Float32Array {
  const [first, second] = channels;
  if (second === undefined) return first ?? new Float32Array();
  const mean = new Float32Array(first!.length);
  if (channels.length === 2) {
    for (let i = 0; i < mean.length; i++) mean[i] = (first![i]! + second[i]!) / 2;
    return mean;
  }
  for (let i = 0; i < mean.length; i++) {
    let sum = 0;
    for (const channel of channels) sum += channel[i]!;
    mean[i] = sum / channels.length;
  }
  return mean;
}
