/**
 * Floats of 8 bits by their bits: E4M3 without infinities and E5M2 (Micikevicius et al. 2022, "FP8 Formats for Deep
 * Learning"), and E8M0, a power of two (OCP Microscaling Formats 1.0).
 */
export const EIGHT_BIT_FLOATS = {
  F8_E4M3: tableOf(byte => ((byte & 0x7f) === 0x7f ? NaN : minifloat(byte, 4, 3))),
  F8_E5M2: tableOf(byte => {
    if ((byte & 0x7c) !== 0x7c) return minifloat(byte, 5, 2);
    if ((byte & 3) !== 0) return NaN;
    return byte & 0x80 ? -Infinity : Infinity;
  }),
  F8_E8M0: tableOf(byte => (byte === 0xff ? NaN : 2 ** (byte - 127))),
} as const;

export type EightBitFloat = keyof typeof EIGHT_BIT_FLOATS;

export function isEightBitFloat(type: string): type is EightBitFloat {
  return Object.hasOwn(EIGHT_BIT_FLOATS, type);
}

/** Twice the floats of 4 bits, E2M1 (OCP Microscaling Formats 1.0), by their bits: whole numbers. */
export const DOUBLED_E2M1 = Int8Array.from({ length: 16 }, (_, bits) => {
  const magnitude = [0, 1, 2, 3, 4, 6, 8, 12][bits & 7]!;
  return bits & 8 ? -magnitude : magnitude;
});

function tableOf(valueOf: (byte: number) => number): Float32Array {
  return Float32Array.from({ length: 256 }, (_, byte) => valueOf(byte));
}

/** A float of 8 bits whose exponent has no special values. */
function minifloat(byte: number, exponentBits: number, fractionBits: number): number {
  const bias = 2 ** (exponentBits - 1) - 1;
  const exponent = (byte & 0x7f) >> fractionBits;
  const fraction = (byte & (2 ** fractionBits - 1)) / 2 ** fractionBits;
  const magnitude = exponent === 0 ? fraction * 2 ** (1 - bias) : (1 + fraction) * 2 ** (exponent - bias);
  return byte & 0x80 ? -magnitude : magnitude;
}
