/** Seconds of the sound that test/fixtures/audio holds: see make_audio.py beside it. */
export const KNOWN_SECONDS = 0.4;

/** A sweep over tones, faded in and out, at a time in seconds; in [-1, 1], nothing of it above 3 kHz. */
export function knownLeft(t: number): number {
  return fade(t) * (0.4 * Math.sin(2 * Math.PI * (300 * t + 2500 * t * t)) + tones(t));
}

/** The other channel: a sweep the other way. */
export function knownRight(t: number): number {
  return fade(t) * (0.3 * Math.sin(2 * Math.PI * (2000 * t - 1500 * t * t)) + tones(t));
}

/** The mean of so many channels, all but the second one being the left one. */
export function knownMean(t: number, channels: number): number {
  if (channels === 1) return knownLeft(t);
  return ((channels - 1) * knownLeft(t) + knownRight(t)) / channels;
}

/** Samples of a function of time, from 0 on. */
export function sampled(at: (t: number) => number, rate: number, seconds = KNOWN_SECONDS): Float32Array {
  return Float32Array.from({ length: Math.round(seconds * rate) }, (_, i) => at(i / rate));
}

/**
 * How far a sound is from what it should be: the root mean square of the difference by that of the sound. What is missing
 * at the end, or too much, counts as difference from silence.
 */
export function difference(sound: Float32Array, expected: Float32Array): number {
  let [error, power] = [0, 0];
  for (let i = 0; i < Math.max(sound.length, expected.length); i++) {
    error += ((sound[i] ?? 0) - (expected[i] ?? 0)) ** 2;
    power += (expected[i] ?? 0) ** 2;
  }
  return Math.sqrt(error / power);
}

function fade(t: number): number {
  return t < 0 || t > KNOWN_SECONDS ? 0 : Math.sin((Math.PI * t) / KNOWN_SECONDS) ** 2;
}

function tones(t: number): number {
  let sum = 0;
  for (let k = 1; k <= 12; k++) sum += 0.02 * Math.sin(2 * Math.PI * (150 + 211 * k) * t + k * k);
  return sum;
}
