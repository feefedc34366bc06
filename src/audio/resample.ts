import { SAMPLE_RATE } from './types.js';

/** Zero crossings of the filter on each side of its middle: how steep it is. */
const ZEROS = 24;

/** Where the filter begins to close, of the highest frequency that both rates can carry. */
const ROLLOFF = 0.95;

/** Of the Kaiser window: what the filter closes out is at least 90 dB weaker. */
const BETA = 9;

/** Rows of the table at most, where the rates have no small ratio; between two rows it is linear. */
const MOST_PHASES = 512;

/**
 * Resamples to {@link SAMPLE_RATE} by a windowed sinc, as polyphase filter (Smith, "Digital Audio Resampling"): each
 * sample of the result is a weighted sum of the samples around its time, with the weights in a table by the fraction
 * of a sample at which that time lies. The first one is at the time of the first sample that came in, and there are
 * `round(samples * 16000 / rate)`, however the samples are cut into pieces: each is the same to the last bit.
 */
export class Resampler {
  /** Samples that have come in for each `#up` that go out. */
  readonly #down: number;
  readonly #up: number;
  readonly #phases: number;
  /** Samples that each sum is over. */
  readonly #taps: number;
  /** `[phases + 1, taps]` */
  readonly #table: Float32Array;
  /** Samples from that of the next sum's first tap; in front of the first one are zeros. */
  #held: Float32Array;
  /** How far the next result's time is behind the sample that its filter's middle stands at, in `1 / #up`. */
  #phase = 0;
  /** The same sample's sum begins so many samples behind the held ones' beginning. */
  #skip = 0;
  #samplesIn = 0;
  #samplesOut = 0;

  /** @param rate samples a second that come in; a whole number. */
  constructor(rate: number) {
    const divisor = greatestCommonDivisor(rate, SAMPLE_RATE);
    this.#down = rate / divisor;
    this.#up = SAMPLE_RATE / divisor;
    this.#phases = Math.min(this.#up, MOST_PHASES);
    const scale = Math.min(1, SAMPLE_RATE / rate);
    // Sums are over multiples of four.
    const half = 2 * Math.ceil(ZEROS / scale / 2);
    this.#taps = 2 * half;
    this.#table = filterTable(this.#phases, half, scale);
    this.#held = new Float32Array(half - 1);
  }

  /** @returns what is certain by now; may be empty. */
  push(samples: Float32Array): Float32Array {
    this.#samplesIn += samples.length;
    return this.#run(samples, Infinity);
  }

  /** @returns the rest, with silence behind the last sample. */
  end(): Float32Array {
    const all = Math.round((this.#samplesIn * this.#up) / this.#down);
    return this.#run(new Float32Array(this.#taps), all - this.#samplesOut);
  }

  #run(samples: Float32Array, atMost: number): Float32Array {
    const held = concatenate(this.#held, samples);
    const taps = this.#taps;
    const room = Math.max(0, held.length - taps - this.#skip + 1);
    const result = new Float32Array(
      Math.max(0, Math.min(atMost, Math.ceil((room * this.#up - this.#phase) / this.#down))),
    );
    const whole = Math.floor(this.#down / this.#up);
    const rest = this.#down % this.#up;
    const stretch = this.#phases / this.#up;
    const table = this.#table;
    const up = this.#up;
    let at = this.#skip;
    let phase = this.#phase;
    for (let n = 0; n < result.length; n++) {
      const row = phase * stretch;
      const first = Math.floor(row);
      const value = product(held, at, table, first * taps, taps);
      const share = row - first;
      result[n] =
        share === 0 ? value : value + share * (product(held, at, table, (first + 1) * taps, taps) - value);
      at += whole;
      phase += rest;
      if (phase < up) continue;
      phase -= up;
      at++;
    }
    this.#phase = phase;
    this.#held = held.slice(at);
    this.#skip = at - Math.min(at, held.length);
    this.#samplesOut += result.length;
    return result;
  }
}

/** The sum of products of `count` elements, a multiple of four: four sums do not wait for each other. */
function product(a: Float32Array, beginA: number, b: Float32Array, beginB: number, count: number): number {
  let first = 0;
  let second = 0;
  let third = 0;
  let fourth = 0;
  for (let atA = beginA, atB = beginB, end = beginA + count; atA < end; atA += 4, atB += 4) {
    first += a[atA]! * b[atB]!;
    second += a[atA + 1]! * b[atB + 1]!;
    third += a[atA + 2]! * b[atB + 2]!;
    fourth += a[atA + 3]! * b[atB + 3]!;
  }
  return first + second + third + fourth;
}

/**
 * Weights of `2 half` samples around each fraction of a sample, those of a row adding up to 1: `[phases + 1, 2 half]`.
 *
 * @param scale of the filter's frequencies, by those that the incoming samples can carry.
 */
function filterTable(phases: number, half: number, scale: number): Float32Array {
  const taps = 2 * half;
  const table = new Float32Array((phases + 1) * taps);
  const row = new Float64Array(taps);
  for (let phase = 0; phase <= phases; phase++) {
    let sum = 0;
    for (let tap = 0; tap < taps; tap++) {
      const distance = tap - (half - 1) - phase / phases;
      row[tap] = sinc(distance * scale * ROLLOFF) * kaiser(distance / half);
      sum += row[tap]!;
    }
    for (let tap = 0; tap < taps; tap++) table[phase * taps + tap] = row[tap]! / sum;
  }
  return table;
}

function sinc(x: number): number {
  return x === 0 ? 1 : Math.sin(Math.PI * x) / (Math.PI * x);
}

/** Kaiser's window over `[-1, 1]`, but for a factor. */
function kaiser(x: number): number {
  return Math.abs(x) >= 1 ? 0 : bessel(BETA * Math.sqrt(1 - x * x));
}

/** The modified Bessel function of the first kind and order 0, by its power series. */
function bessel(x: number): number {
  let [sum, term] = [1, 1];
  for (let n = 1; term > sum * 1e-12; n++) {
    term *= (x / (2 * n)) ** 2;
    sum += term;
  }
  return sum;
}

function concatenate(a: Float32Array, b: Float32Array): Float32Array {
  const joined = new Float32Array(a.length + b.length);
  joined.set(a);
  joined.set(b, a.length);
  return joined;
}

function greatestCommonDivisor(a: number, b: number): number {
  return b === 0 ? a : greatestCommonDivisor(b, a % b);
}
