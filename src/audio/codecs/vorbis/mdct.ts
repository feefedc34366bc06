/**
 * The inverse of the modified discrete cosine transform, `y[i] = Σ x[k] cos(π / 2n (2i + 1 + n / 2) (2k + 1))`, as a
 * DCT-IV by a complex Fourier transform of a quarter of its length.
 */
export class InverseMdct {
  readonly #size: number;
  /** `exp(-iπ (8k + 1) / 4n)` */
  readonly #twistRe: Float64Array;
  readonly #twistIm: Float64Array;
  readonly #fft: Fft;
  readonly #re: Float64Array;
  readonly #im: Float64Array;
  readonly #dct: Float64Array;

  /** @param size `n`, samples that come out: a power of two, at least 16. */
  constructor(size: number) {
    this.#size = size;
    const quarter = size / 4;
    const angle = (k: number): number => (-Math.PI * (8 * k + 1)) / (4 * size);
    this.#twistRe = Float64Array.from({ length: quarter }, (_, k) => Math.cos(angle(k)));
    this.#twistIm = Float64Array.from({ length: quarter }, (_, k) => Math.sin(angle(k)));
    this.#fft = new Fft(quarter);
    this.#re = new Float64Array(quarter);
    this.#im = new Float64Array(quarter);
    this.#dct = new Float64Array(size / 2);
  }

  /** @param spectrum `[n / 2]`; @param into `[n]` */
  run(spectrum: Float32Array, into: Float32Array): void {
    const half = this.#size / 2;
    const quarter = half / 2;
    const dct = this.#dct;
    this.#dctIv(spectrum);
    // The transform's symmetries: even at its beginning, odd at its end.
    for (let i = 0; i < quarter; i++) {
      into[i] = dct[quarter + i]!;
      into[half - 1 - i] = -dct[quarter + i]!;
      into[half + i] = -dct[quarter - 1 - i]!;
      into[2 * half - 1 - i] = -dct[quarter - 1 - i]!;
    }
  }

  #dctIv(x: Float32Array): void {
    const half = this.#size / 2;
    const re = this.#re;
    const im = this.#im;
    const twistRe = this.#twistRe;
    const twistIm = this.#twistIm;
    const dct = this.#dct;
    for (let k = 0; k < re.length; k++) {
      const a = x[2 * k]!;
      const b = x[half - 1 - 2 * k]!;
      re[k] = a * twistRe[k]! - b * twistIm[k]!;
      im[k] = a * twistIm[k]! + b * twistRe[k]!;
    }
    this.#fft.run(re, im);
    for (let k = 0; k < re.length; k++) {
      dct[2 * k] = re[k]! * twistRe[k]! - im[k]! * twistIm[k]!;
      dct[half - 1 - 2 * k] = -(re[k]! * twistIm[k]! + im[k]! * twistRe[k]!);
    }
  }
}

/** The complex Fourier transform of a power of two, in place (Cooley and Tukey). */
class Fft {
  readonly #reversed: Uint32Array;
  /** `exp(-2πi k / size)` for the first half of `k`. */
  readonly #cos: Float64Array;
  readonly #sin: Float64Array;

  constructor(size: number) {
    const bits = Math.log2(size);
    this.#reversed = new Uint32Array(size);
    for (let i = 1; i < size; i++)
      this.#reversed[i] = (this.#reversed[i >> 1]! >> 1) | ((i & 1) << (bits - 1));
    this.#cos = Float64Array.from({ length: size / 2 }, (_, k) => Math.cos((2 * Math.PI * k) / size));
    this.#sin = Float64Array.from({ length: size / 2 }, (_, k) => -Math.sin((2 * Math.PI * k) / size));
  }

  run(re: Float64Array, im: Float64Array): void {
    const size = re.length;
    const cos = this.#cos;
    const sin = this.#sin;
    for (let i = 0; i < size; i++) {
      const j = this.#reversed[i]!;
      if (j <= i) continue;
      swap(re, i, j);
      swap(im, i, j);
    }
    for (let length = 2; length <= size; length *= 2) {
      const half = length / 2;
      const stride = size / length;
      for (let begin = 0; begin < size; begin += length)
        for (let k = 0, at = begin; k < half; k++, at++) {
          const c = cos[k * stride]!;
          const s = sin[k * stride]!;
          const other = at + half;
          const r = re[other]! * c - im[other]! * s;
          const i = re[other]! * s + im[other]! * c;
          re[other] = re[at]! - r;
          im[other] = im[at]! - i;
          re[at]! += r;
          im[at]! += i;
        }
    }
  }
}

function swap(values: Float64Array, i: number, j: number): void {
  const value = values[i]!;
  values[i] = values[j]!;
  values[j] = value;
}
