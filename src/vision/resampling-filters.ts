import type { ResamplingFilter } from './types.js';

/** A filter of a convolution: what a pixel at a distance counts. */
interface Filter {
  /** Distance, in pixels, beyond which nothing counts. */
  readonly support: number;
  readonly weight: (distance: number) => number;
}

function sinc(x: number): number {
  if (x === 0) return 1;
  return Math.sin(x * Math.PI) / (x * Math.PI);
}

/** PIL's constants are of single precision, and what it computes with them is not. */
const [HAMMING_LOW, HAMMING_HIGH] = [Math.fround(0.54), Math.fround(0.46)];

/** Catmull and Rom's spline. */
const A = -0.5;

const FILTERS: Readonly<Record<Exclude<ResamplingFilter, 'nearest'>, Filter>> = {
  box: { support: 0.5, weight: x => (x > -0.5 && x <= 0.5 ? 1 : 0) },
  bilinear: { support: 1, weight: x => Math.max(0, 1 - Math.abs(x)) },
  hamming: {
    support: 1,
    weight: x => {
      if (x === 0) return 1;
      if (Math.abs(x) >= 1) return 0;
      const angle = Math.abs(x) * Math.PI;
      return (Math.sin(angle) / angle) * (HAMMING_LOW + HAMMING_HIGH * Math.cos(angle));
    },
  },
  bicubic: {
    support: 2,
    weight: signed => {
      const x = Math.abs(signed);
      if (x < 1) return ((A + 2) * x - (A + 3)) * x * x + 1;
      return x < 2 ? (((x - 5) * x + 8) * x - 4) * A : 0;
    },
  },
  lanczos: { support: 3, weight: x => (x >= -3 && x < 3 ? sinc(x) * sinc(x / 3) : 0) },
};

/** Bits behind the point of a weight. */
export const WEIGHT_BITS = 22;

/** What each pixel of a row (or of a column) is made of, in weights of {@link WEIGHT_BITS}. */
export interface Kernel {
  /** The first pixel of the source that counts, for each pixel of the result. */
  readonly begins: Int32Array;
  /** How many count from there on. */
  readonly counts: Int32Array;
  /** Place of each one's first weight: pixel times `stride`. */
  readonly stride: number;
  readonly weights: Int32Array;
}

/**
 * The weights of a resampling in one direction, as PIL has them (`Resample.c`: the filter grows with the scale
 * where the picture shrinks, and weights are rounded to fixed point).
 *
 * @param from pixels of the source.
 * @param to pixels of the result, of which `count` from `first` on are wanted.
 */
export function makeKernel(
  filter: Exclude<ResamplingFilter, 'nearest'>,
  from: number,
  to: number,
  first: number,
  count: number,
): Kernel {
  const { support, weight } = FILTERS[filter];
  const scale = from / to;
  const filterScale = Math.max(1, scale);
  const reach = support * filterScale;
  const perPixel = 1 / filterScale;
  const stride = Math.ceil(reach) * 2 + 1;
  const begins = new Int32Array(count);
  const counts = new Int32Array(count);
  const weights = new Int32Array(count * stride);
  const exact = new Float64Array(stride);
  for (let i = 0; i < count; i++) {
    const centre = (first + i + 0.5) * scale;
    const begin = Math.max(0, Math.trunc(centre - reach + 0.5));
    const length = Math.min(from, Math.trunc(centre + reach + 0.5)) - begin;
    let sum = 0;
    for (let k = 0; k < length; k++) sum += exact[k] = weight((k + begin - centre + 0.5) * perPixel);
    begins[i] = begin;
    counts[i] = length;
    for (let k = 0; k < length; k++) {
      const fixed = (sum === 0 ? exact[k]! : exact[k]! / sum) * 2 ** WEIGHT_BITS;
      weights[i * stride + k] = Math.trunc(fixed < 0 ? fixed - 0.5 : fixed + 0.5);
    }
  }
  return { begins, counts, stride, weights };
}
