import t from 'tap';
import {
  fromBfloat16,
  fromFloat16,
  roundToFloat16,
  toBfloat16,
  toFloat16,
} from '#graph/weights/half-precision.js';

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

t.test(
  'every half, and what lies between two, is rounded to the nearest half; ties to the even one',
  async t => {
    const halves = new Float32Array(ALL.length);
    fromFloat16(ALL, halves);
    const finite = Array.from(ALL).filter(bits => Number.isFinite(halves[bits]));
    t.strictSame(
      finite.filter(bits => toFloat16(halves.subarray(bits, bits + 1))[0] !== bits),
      [],
      'halves stay',
    );
    const wrong = finite.filter(bits => {
      const [low, high] = [halves[bits]!, halves[bits + 1]!];
      if ((bits & 0x7fff) === 0x7bff) return false;
      const [middle, even] = [(low + high) / 2, bits % 2 === 0 ? low : high];
      const nudge = Math.abs(high - low) / 8;
      const towardLow = low < high ? middle - nudge : middle + nudge;
      const towardHigh = low < high ? middle + nudge : middle - nudge;
      return (
        roundToFloat16(middle) !== even ||
        roundToFloat16(towardLow) !== low ||
        roundToFloat16(towardHigh) !== high
      );
    });
    t.strictSame(wrong, []);
  },
);

t.test('what a half cannot hold', async t => {
  const values = [65519, 65520, -1e9, Infinity, -Infinity, 2 ** -25, 2 ** -26, -0];
  const expected = [0x7bff, 0x7c00, 0xfc00, 0x7c00, 0xfc00, 0, 0, 0x8000];
  t.strictSame([...toFloat16(Float32Array.from(values))], expected);
  const [nan] = toFloat16(Float32Array.of(NaN));
  t.equal(nan! & 0x7c00, 0x7c00);
  t.not(nan! & 0x3ff, 0, 'NaN stays NaN');
});

t.test('bfloat16 is the nearest, ties go to the even one, and what is no number stays none', async t => {
  const floats = new Float32Array(ALL.length);
  fromBfloat16(ALL, floats);
  const numbers = Array.from(ALL).filter(bits => !Number.isNaN(floats[bits]));
  t.strictSame(
    numbers.filter(bits => toBfloat16(floats.subarray(bits, bits + 1))[0] !== bits),
    [],
    'what fits stays',
  );
  t.equal(toBfloat16(Float32Array.of(NaN))[0]! & 0x7fff, 0x7fc0);
  const between = (bits: number, share: number): Float32Array => {
    const [low, high] = [floats[bits]!, floats[bits + 1]!];
    return Float32Array.of(low + (high - low) * share);
  };
  for (const bits of [0x3f80, 0x3f81, 0x0080, 0x7f00, 0xc120]) {
    t.equal(toBfloat16(between(bits, 0.25))[0], bits);
    t.equal(toBfloat16(between(bits, 0.75))[0], bits + 1);
    t.equal(toBfloat16(between(bits, 0.5))[0], bits + (bits % 2));
  }
});
