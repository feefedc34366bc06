/**
 * The types of GGUF files a second time: what one element of a block is, one bit field after the other, as `block_*` of
 * ggml-common.h lays them out.
 */
type Element = (block: Uint8Array, i: number) => number;

const u16 = (block: Uint8Array, at: number): number => block[at]! + 256 * block[at + 1]!;

/** A half by its definition: sign, exponent of 5 bits, fraction of 10. */
function half(block: Uint8Array, at: number): number {
  const bits = u16(block, at);
  const [exponent, fraction] = [Math.floor(bits / 1024) % 32, bits % 1024];
  const size = exponent === 0 ? fraction * 2 ** -24 : (1024 + fraction) * 2 ** (exponent - 25);
  return bits >= 32_768 ? -size : size;
}

/** `count` bits of the block, from a bit on: bit 0 is the lowest of the first byte. */
function bits(block: Uint8Array, first: number, count: number): number {
  let value = 0;
  for (let i = 0; i < count; i++) {
    const bit = first + i;
    value += (Math.floor(block[Math.floor(bit / 8)]! / 2 ** (bit % 8)) % 2) * 2 ** i;
  }
  return value;
}

/** Element `i` of 32 in 16 bytes: the first half has the low nibbles. */
const nibbleOf32 = (block: Uint8Array, at: number, i: number): number =>
  bits(block, 8 * (at + (i % 16)) + (i < 16 ? 0 : 4), 4);

const signed8 = (byte: number): number => (byte < 128 ? byte : byte - 256);

const NF4 = [-127, -104, -83, -65, -49, -35, -22, -10, 1, 13, 25, 38, 53, 69, 89, 113];

/** FP4 E2M1: sign, two bits of exponent, one of fraction. */
function fp4(code: number): number {
  const [exponent, fraction] = [Math.floor(code / 2) % 4, code % 2];
  const size = exponent === 0 ? fraction / 2 : (1 + fraction / 2) * 2 ** (exponent - 1);
  return code >= 8 ? -size : size;
}

/** Scale `j` of eight and, with `ofMinimum`, minimum `j`, six bits each, of Q4_K and Q5_K. */
function sixBits(block: Uint8Array, j: number, ofMinimum: boolean): number {
  const byte = (k: number): number => 8 * (4 + k);
  if (j < 4) return bits(block, byte(j + (ofMinimum ? 4 : 0)), 6);
  const low = bits(block, byte(j + 4) + (ofMinimum ? 4 : 0), 4);
  return low + 16 * bits(block, byte(ofMinimum ? j : j - 4) + 6, 2);
}

/** Element `i` of 256 in two bits: 128 in each 32 bytes. */
const twoBits = (block: Uint8Array, at: number, i: number): number =>
  bits(block, 8 * (at + 32 * Math.floor(i / 128) + (i % 32)) + 2 * (Math.floor(i / 32) % 4), 2);

/** Element `i` of 256 in nibbles: 64 in each 32 bytes. */
const nibbleOf256 = (block: Uint8Array, at: number, i: number): number =>
  bits(block, 8 * (at + 32 * Math.floor(i / 64) + (i % 32)) + (i % 64 < 32 ? 0 : 4), 4);

export const GGUF_ELEMENTS: Readonly<Record<string, { size: number; bytes: number; element: Element }>> = {
  Q4_0: { size: 32, bytes: 18, element: (b, i) => half(b, 0) * (nibbleOf32(b, 2, i) - 8) },
  Q4_1: { size: 32, bytes: 20, element: (b, i) => half(b, 0) * nibbleOf32(b, 4, i) + half(b, 2) },
  Q5_0: {
    size: 32,
    bytes: 22,
    element: (b, i) => half(b, 0) * (nibbleOf32(b, 6, i) + 16 * bits(b, 16 + i, 1) - 16),
  },
  Q5_1: {
    size: 32,
    bytes: 24,
    element: (b, i) => half(b, 0) * (nibbleOf32(b, 8, i) + 16 * bits(b, 32 + i, 1)) + half(b, 2),
  },
  Q8_0: { size: 32, bytes: 34, element: (b, i) => half(b, 0) * signed8(b[2 + i]!) },
  Q2_K: {
    size: 256,
    bytes: 84,
    element: (b, i) => {
      const part = b[Math.floor(i / 16)]!;
      return half(b, 80) * (part % 16) * twoBits(b, 16, i) - half(b, 82) * Math.floor(part / 16);
    },
  },
  Q3_K: {
    size: 256,
    bytes: 110,
    element: (b, i) => {
      const part = Math.floor(i / 16);
      const low = bits(b, 8 * (96 + (part % 8)) + (part < 8 ? 0 : 4), 4);
      const scale = low + 16 * bits(b, 8 * (104 + (part % 4)) + 2 * Math.floor(part / 4), 2) - 32;
      const high = bits(b, 8 * (i % 32) + Math.floor(i / 32), 1);
      return half(b, 108) * scale * (twoBits(b, 32, i) - (high === 1 ? 0 : 4));
    },
  },
  Q4_K: {
    size: 256,
    bytes: 144,
    element: (b, i) => {
      const part = Math.floor(i / 32);
      const product = half(b, 0) * sixBits(b, part, false) * nibbleOf256(b, 16, i);
      return product - half(b, 2) * sixBits(b, part, true);
    },
  },
  Q5_K: {
    size: 256,
    bytes: 176,
    element: (b, i) => {
      const part = Math.floor(i / 32);
      const code = nibbleOf256(b, 48, i) + 16 * bits(b, 8 * (16 + (i % 32)) + part, 1);
      return half(b, 0) * sixBits(b, part, false) * code - half(b, 2) * sixBits(b, part, true);
    },
  },
  Q6_K: {
    size: 256,
    bytes: 210,
    element: (b, i) => {
      const [side, inSide] = [Math.floor(i / 128), i % 128];
      const low = bits(b, 8 * (64 * side + (inSide % 64)) + (inSide < 64 ? 0 : 4), 4);
      const high = bits(b, 8 * (128 + 32 * side + (inSide % 32)) + 2 * Math.floor(inSide / 32), 2);
      return half(b, 208) * signed8(b[192 + Math.floor(i / 16)]!) * (low + 16 * high - 32);
    },
  },
  IQ4_NL: { size: 32, bytes: 18, element: (b, i) => half(b, 0) * NF4[nibbleOf32(b, 2, i)]! },
  IQ4_XS: {
    size: 256,
    bytes: 136,
    element: (b, i) => {
      const part = Math.floor(i / 32);
      const scale = bits(b, 32 + 4 * part, 4) + 16 * bits(b, 16 + 2 * part, 2) - 32;
      return half(b, 0) * scale * NF4[nibbleOf32(b, 8 + 16 * part, i % 32)]!;
    },
  },
  MXFP4: { size: 32, bytes: 17, element: (b, i) => 2 ** (b[0]! - 127) * fp4(nibbleOf32(b, 1, i)) },
};
