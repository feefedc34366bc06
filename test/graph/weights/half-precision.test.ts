import t from 'tap';
import { fromBfloat16, fromFloat16 } from '../../../src/graph/weights/half-precision.js';

const ALL = Uint16Array.from({ length: 0x10000 }, (_, bits) => bits);

/** The value of a binary float by IEEE 754's definition. */
function valueOf(bits: number, exponentBits: number, fractionBits: number): number {
  const sign = bits >> (exponentBits + fractionBits) ? -1 : 1;
  const exponent = Math.floor(bits / 2 ** fractionBits) % 2 ** exponentBits;
  const fraction = (bits % 2 ** fractionBits) / 2 ** fractionBits;
  const bias = 2 ** (exponentBits - 1) - 1;
  if (exponent === 2 ** exponentBits - 1) return fraction > 0 ? NaN : sign * Infinity;
  return exponent === 0 ? sign * fraction * 2 ** (1 - bias) : sign * (1 + fraction) * 2 ** (exponent - bias);
}

for (const [name, widen, exponentBits, fractionBits] of [
  ['float16', fromFloat16, 5, 10],
  ['bfloat16', fromBfloat16, 8, 7],
] as const) {
  t.test(`all 65,536 values of ${name} are exact`, async t => {
    const floats = new Float32Array(ALL.length);
    widen(ALL, floats);
    const wrong = Array.from(ALL).filter(
      bits => !Object.is(floats[bits], valueOf(bits, exponentBits, fractionBits)),
    );
    t.strictSame(wrong, []);
  });

  t.test(`${name} is written into views of larger arrays`, async t => {
    const floats = new Float32Array(4).fill(9);
    widen(Uint16Array.of(0, 0), floats.subarray(1, 3));
    t.strictSame([...floats], [9, 0, 0, 9]);
  });
}
