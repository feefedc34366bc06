/** Widens IEEE 754 half-precision floats, given as their bits, to single precision. Exact. */
export function fromFloat16(halves: Uint16Array, floats: Float32Array): void {
  const table = (float16Table ??= makeFloat16Table());
  for (let i = 0; i < halves.length; i++) floats[i] = table[halves[i]!]!;
}

/** Widens bfloat16, given as its bits (the upper half of a single-precision float), to single precision. Exact. */
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
