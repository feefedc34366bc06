/** Widens IEEE 754 half-precision floats, given as their bits, to single precision. Exact. */
export function fromFloat16(halves: Uint16Array, floats: Float32Array): void {
  const table = (float16Table ??= makeFloat16Table());
  for (let i = 0; i < halves.length; i++) floats[i] = table[halves[i]!]!;
}

/** An IEEE 754 half-precision float by its bits. */
export function float16Value(bits: number): number {
  return (float16Table ??= makeFloat16Table())[bits]!;
}

/**
 * Widens bfloat16, given as its bits (the upper half of a single-precision float), to single precision.
 * Exact.
 */
export function fromBfloat16(halves: Uint16Array, floats: Float32Array): void {
  const bits = new Uint32Array(floats.buffer, floats.byteOffset, floats.length);
  for (let i = 0; i < halves.length; i++) bits[i] = halves[i]! << 16;
}

/** There are only 65,536 halves, so each is worked out once. */
let float16Table: Float32Array | undefined;

function makeFloat16Table(): Float32Array {
  const table = new Float32Array(0x10000);
  for (let bits = 0; bits < table.length; bits++) {
    const sign = bits & 0x8000 ? -1 : 1;
    const exponent = (bits >> 10) & 0x1f;
    const fraction = bits & 0x3ff;
    if (exponent === 0x1f) table[bits] = fraction === 0 ? sign * Infinity : NaN;
    else if (exponent === 0) table[bits] = sign * fraction * 2 ** -24;
    else table[bits] = sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
  }
  return table;
}

/**
 * The nearest halves to single-precision floats, as bits; ties go to the even one, and what is too large
 * becomes infinite.
 */
export function toFloat16(floats: Float32Array): Uint16Array {
  const words = new Uint32Array(floats.buffer, floats.byteOffset, floats.length);
  const halves = new Uint16Array(words.length);
  for (let i = 0; i < words.length; i++) halves[i] = roundWord(words[i]!);
  return halves;
}

/** The nearest bfloat16 to single-precision floats, as bits; ties go to the even one. */
export function toBfloat16(floats: Float32Array): Uint16Array {
  const words = new Uint32Array(floats.buffer, floats.byteOffset, floats.length);
  const halves = new Uint16Array(words.length);
  for (let i = 0; i < words.length; i++) {
    const word = words[i]!;
    const isNaN = (word & 0x7fffffff) > 0x7f800000;
    halves[i] = isNaN ? (word >>> 16) | 0x40 : (word + 0x7fff + ((word >>> 16) & 1)) >>> 16;
  }
  return halves;
}

/** A single-precision number as the nearest half. */
export function roundToFloat16(value: number): number {
  scratchFloat[0] = value;
  return (float16Table ??= makeFloat16Table())[roundWord(scratchWord[0]!)]!;
}

/** A single-precision number as the nearest bfloat16. */
export function roundToBfloat16(value: number): number {
  const rounded = new Float32Array(1);
  fromBfloat16(toBfloat16(Float32Array.of(value)), rounded);
  return rounded[0]!;
}

const scratchFloat = new Float32Array(1);
const scratchWord = new Uint32Array(scratchFloat.buffer);

/**
 * Bits of the single-precision numbers 2^-14, the smallest normal half, and 65520, which rounds to infinity.
 */
const SMALLEST_NORMAL = 0x38800000;
const OVERFLOW = 0x477ff000;

function roundWord(word: number): number {
  const sign = (word >>> 16) & 0x8000;
  const magnitude = word & 0x7fffffff;
  if (magnitude > 0x7f800000) return sign | 0x7e00;
  if (magnitude >= OVERFLOW) return sign | 0x7c00;
  if (magnitude < SMALLEST_NORMAL) {
    scratchWord[0] = magnitude;
    const units = scratchFloat[0]! * 2 ** 24;
    const below = Math.floor(units);
    const rest = units - below;
    return sign | (rest > 0.5 || (rest === 0.5 && below % 2 === 1) ? below + 1 : below);
  }
  return sign | ((magnitude + 0xfff + ((magnitude >>> 13) & 1) - 0x38000000) >>> 13);
}
