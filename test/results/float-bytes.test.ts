import fc from 'fast-check';
import t from 'tap';
import { floatBytes } from '#results/float-bytes.js';
import { runs } from '#test/support/property-runs.js';

/** The value of 16 bits, by the definition of the format. */
function valueOf(word: number, exponentBits: number): number {
  const fractionBits = 15 - exponentBits;
  const bias = 2 ** (exponentBits - 1) - 1;
  const sign = word & 0x8000 ? -1 : 1;
  const exponent = (word >>> fractionBits) & (2 ** exponentBits - 1);
  const fraction = (word & (2 ** fractionBits - 1)) / 2 ** fractionBits;
  if (exponent === 2 ** exponentBits - 1) return fraction === 0 ? sign * Infinity : NaN;
  return exponent === 0 ? sign * fraction * 2 ** (1 - bias) : sign * (1 + fraction) * 2 ** (exponent - bias);
}

for (const [type, exponentBits] of [
  ['float16', 5],
  ['bfloat16', 8],
] as const) {
  const word = (value: number): number => floatBytes(Float32Array.of(value), type, false).readUInt16LE();

  t.test(`${type}: what it can hold stays as it is`, async t => {
    let wrong = 0;
    for (let bits = 0; bits < 0x10000; bits++) {
      const value = valueOf(bits, exponentBits);
      if (!Number.isNaN(value) && !Object.is(valueOf(word(value), exponentBits), value)) wrong++;
    }
    t.equal(wrong, 0);
    t.ok(Number.isNaN(valueOf(word(NaN), exponentBits)));
  });

  t.test(`${type}: all else is rounded to the nearest, ties to even`, async () => {
    const property = fc.property(fc.float32Array({ noNaN: true, minLength: 1, maxLength: 1 }), ([value]) => {
      const bits = word(value!);
      const got = valueOf(bits, exponentBits);
      if (!Number.isFinite(got)) return true;
      const distance = Math.abs(got - value!);
      const neighbours = [bits - 1, bits + 1].map(other => valueOf(other & 0xffff, exponentBits));
      return neighbours.every(other => {
        const further = Math.abs(other - value!);
        return !Number.isFinite(other) || distance < further || (distance === further && bits % 2 === 0);
      });
    });
    fc.assert(property, runs(500));
  });
}

t.test('limits of half precision', async t => {
  const word = (value: number): number => floatBytes(Float32Array.of(value), 'float16', false).readUInt16LE();
  for (const [value, bits] of [
    [65504, 0x7bff],
    [65519, 0x7bff],
    [65520, 0x7c00],
    [-1e9, 0xfc00],
    [2 ** -24, 1],
    [2 ** -25, 0],
    [3 * 2 ** -25, 2],
    [-0, 0x8000],
  ] as const)
    t.equal(word(value), bits, `${value}`);
});

t.test('the order of bytes', async t => {
  const vector = Float32Array.of(1, -2);
  t.equal(floatBytes(vector, 'float32', false).toString('hex'), '0000803f000000c0');
  t.equal(floatBytes(vector, 'float32', true).toString('hex'), '3f800000c0000000');
  t.equal(floatBytes(vector, 'float16', true).toString('hex'), '3c00c000');
  t.equal(floatBytes(vector, 'bfloat16', false).toString('hex'), '803f00c0');
});
