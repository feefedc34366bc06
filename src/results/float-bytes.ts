/** Number formats of a vector's components. `bfloat16` is the upper half of `float32`. */
export const FLOAT_TYPES = ['float32', 'float16', 'bfloat16'] as const;

export type FloatType = (typeof FLOAT_TYPES)[number];

const single = new Float32Array(1);
const bits = new Uint32Array(single.buffer);

/** A vector's components as bytes; those that a format cannot hold are rounded to the nearest, ties to even. */
export function floatBytes(vector: Float32Array, type: FloatType, bigEndian: boolean): Buffer {
  const size = type === 'float32' ? 4 : 2;
  const bytes = Buffer.allocUnsafe(vector.length * size);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  vector.forEach((value, index) => {
    if (type === 'float32') view.setFloat32(4 * index, value, !bigEndian);
    else view.setUint16(2 * index, type === 'float16' ? halfBits(value) : bfloatBits(value), !bigEndian);
  });
  return bytes;
}

/** IEEE 754's binary16: 1 bit of sign, 5 of the exponent, 10 of the fraction. */
function halfBits(value: number): number {
  single[0] = value;
  const sign = (bits[0]! >>> 16) & 0x8000;
  const magnitude = bits[0]! & 0x7fffffff;
  if (magnitude > 0x7f800000) return sign | 0x7e00;
  // From 65520 on the nearest is infinity.
  if (magnitude >= 0x477ff000) return sign | 0x7c00;
  if (magnitude < 0x38800000) {
    // Below 2^-14 there is one step size, 2^-24: that of numbers from 0.5 to 1 in single precision.
    single[0] = Math.abs(value) + 0.5;
    return sign | (bits[0]! - 0x3f000000);
  }
  const odd = (magnitude >>> 13) & 1;
  return sign | ((magnitude - 0x38000000 + 0xfff + odd) >>> 13);
}

function bfloatBits(value: number): number {
  single[0] = value;
  const whole = bits[0]!;
  if ((whole & 0x7fffffff) > 0x7f800000) return (whole >>> 16) | 0x40;
  return ((whole + 0x7fff + ((whole >>> 16) & 1)) / 0x10000) & 0xffff;
}
