/**
 * The random numbers of one sequence. Each is a function of the sequence's seed, the step, and a place that
 * the caller counts by, so that none depends on how many others were drawn: what a step draws does not move
 * when another step, or a logit, changes in the last digit.
 */
export class Noise {
  readonly #low: number;
  readonly #high: number;
  #first = 0;
  #second = 0;

  /** @param seed any of 64 bits; others are taken modulo 2^64. */
  constructor(seed: number | bigint) {
    const bits = BigInt.asUintN(64, BigInt(seed));
    this.#low = Number(bits & 0xffff_ffffn) | 0;
    this.#high = Number(bits >> 32n) | 0;
    this.begin(0);
  }

  /** Begins a step. @param step whole, `[0, 2^32)` */
  begin(step: number): this {
    this.#first = scrambled(scrambled(this.#low ^ Math.imul(step, 0x9e3779b9)) ^ this.#high);
    this.#second = scrambled(scrambled(this.#high ^ Math.imul(step, 0x85ebca6b) ^ 0x6a09e667) + this.#low);
    return this;
  }

  /** 32 bits of a place, as a number from -2^31 to 2^31 - 1. @param place whole, taken modulo 2^32 */
  bits(place: number): number {
    return scrambled(scrambled(place ^ this.#first) + this.#second);
  }

  /** A number in `(0, 1)`. */
  uniform(place: number): number {
    return ((this.bits(place) >>> 0) + 0.5) / 2 ** 32;
  }
}

/** A bijection of 32 bits in which every bit depends on all others (Wellons 2018, "lowbias32"). */
function scrambled(bits: number): number {
  bits = Math.imul(bits ^ (bits >>> 16), 0x21f0aaad);
  bits = Math.imul(bits ^ (bits >>> 15), 0x735a2d97);
  return bits ^ (bits >>> 15);
}
