import { rotaryFrequencies, rotate as turn } from './attention.js';
import type { Vector } from './operations.js';

/** Rotary positions of a head. */
export interface Rope {
  /** Angle per position of each pair. */
  readonly frequencies: Vector;
  /** Factor of the turned features. */
  readonly magnitude: number;
}

/** Turns the first features of a head, and stretches them; those beyond the pairs stay. */
export function rotate(x: Vector, position: number, { frequencies, magnitude }: Rope): number[] {
  return turn(x, position, frequencies).map((value, i) =>
    i < 2 * frequencies.length ? value * magnitude : value,
  );
}

/** Turns neighbouring features against each other (Su et al. 2021, equation 34); those beyond the pairs stay. */
export function rotateNeighbours(x: Vector, position: number, { frequencies, magnitude }: Rope): number[] {
  const result = [...x];
  frequencies.forEach((frequency, i) => {
    const [cos, sin] = [Math.cos(position * frequency), Math.sin(position * frequency)];
    result[2 * i] = magnitude * (x[2 * i]! * cos - x[2 * i + 1]! * sin);
    result[2 * i + 1] = magnitude * (x[2 * i + 1]! * cos + x[2 * i]! * sin);
  });
  return result;
}

/** `theta^(-2i/size)` */
export function plainRope(size: number, theta: number): Rope {
  return { frequencies: rotaryFrequencies(size, theta), magnitude: 1 };
}

/** Positions divided by a factor (Chen et al. 2023). */
export function linearRope(size: number, theta: number, factor: number): Rope {
  return mapped(plainRope(size, theta), frequency => frequency / factor);
}

/** Llama 3.1's scaling by wavelengths. */
export function llama3Rope(
  size: number,
  theta: number,
  { factor, low, high, original }: Record<'factor' | 'low' | 'high' | 'original', number>,
): Rope {
  return mapped(plainRope(size, theta), frequency => {
    const wavelength = (2 * Math.PI) / frequency;
    if (wavelength < original / high) return frequency;
    if (wavelength > original / low) return frequency / factor;
    const smooth = (original / wavelength - low) / (high - low);
    return (1 - smooth) * (frequency / factor) + smooth * frequency;
  });
}

/** YaRN (Peng et al. 2023) with the ramp over features that its authors' code has, by default from whole features to whole features. */
export function yarnRope(
  size: number,
  theta: number,
  factor: number,
  original: number,
  isTruncated = true,
): Rope {
  const featureOf = (turns: number): number =>
    (size * Math.log(original / (turns * 2 * Math.PI))) / (2 * Math.log(theta));
  const whole = (feature: number, round: (x: number) => number): number =>
    isTruncated ? round(feature) : feature;
  const low = Math.max(0, whole(featureOf(32), Math.floor));
  const high = Math.min(size - 1, whole(featureOf(1), Math.ceil));
  const rope = mapped(plainRope(size, theta), (frequency, i) => {
    const ramp = Math.min(1, Math.max(0, (i - low) / (high === low ? 0.001 : high - low)));
    return (frequency / factor) * ramp + frequency * (1 - ramp);
  });
  return { ...rope, magnitude: 0.1 * Math.log(factor) + 1 };
}

/** LongRoPE (Ding et al. 2024): a divisor for every pair. */
export function longRope(
  size: number,
  theta: number,
  divisors: Vector,
  stretch: number,
  original: number,
): Rope {
  const rope = mapped(plainRope(size, theta), (frequency, i) => frequency / divisors[i]!);
  return { ...rope, magnitude: Math.sqrt(1 + Math.log(stretch) / Math.log(original)) };
}

function mapped(rope: Rope, change: (frequency: number, index: number) => number): Rope {
  return { ...rope, frequencies: rope.frequencies.map(change) };
}
