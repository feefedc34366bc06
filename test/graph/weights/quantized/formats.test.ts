import fc from 'fast-check';
import t from 'tap';
import { unpackRows, unpackStreams, unsigned, wordsFor } from '#graph/weights/quantized/bit-stream.js';
import { DOUBLED_E2M1, EIGHT_BIT_FLOATS } from '#graph/weights/quantized/small-floats.js';
import { minifloat } from '#test/reference/small-floats.js';
import { runs } from '#test/support/property-runs.js';

t.test('floats of 8 and 4 bits are what their bits say', async t => {
  const bytes = Array.from({ length: 256 }, (_, byte) => byte);
  t.strictSame(
    [...EIGHT_BIT_FLOATS.F8_E4M3],
    bytes.map(byte => ((byte & 0x7f) === 0x7f ? NaN : minifloat(byte, 4, 3))),
  );
  t.equal(Math.max(...[...EIGHT_BIT_FLOATS.F8_E4M3].filter(Number.isFinite)), 448);
  t.strictSame(
    [...EIGHT_BIT_FLOATS.F8_E5M2].filter(Number.isFinite),
    bytes.filter(byte => (byte & 0x7c) !== 0x7c).map(byte => minifloat(byte, 5, 2)),
  );
  t.strictSame([...EIGHT_BIT_FLOATS.F8_E5M2.subarray(0x7c, 0x80)], [Infinity, NaN, NaN, NaN]);
  t.equal(EIGHT_BIT_FLOATS.F8_E5M2[0xfc], -Infinity);
  t.strictSame(
    [...EIGHT_BIT_FLOATS.F8_E8M0],
    bytes.map(byte => (byte === 255 ? NaN : 2 ** (byte - 127))),
  );
  t.strictSame(
    [...DOUBLED_E2M1].map(value => value / 2 + 0),
    bytes.slice(0, 16).map(bits => minifloat(bits, 2, 1) + 0),
  );
});

t.test('integers of any width are read from words, side by side and one behind the other', async t => {
  const anyCodes = fc
    .record({ bits: fc.integer({ min: 1, max: 8 }), count: fc.integer({ min: 1, max: 70 }) })
    .chain(({ bits, count }) =>
      fc.record({
        bits: fc.constant(bits),
        streams: fc.array(fc.array(fc.nat(2 ** bits - 1), { minLength: count, maxLength: count }), {
          minLength: 1,
          maxLength: 3,
        }),
      }),
    );
  fc.assert(
    fc.property(anyCodes, ({ bits, streams }) => {
      const count = streams[0]!.length;
      const width = wordsFor(count, bits);
      const rows = streams.map(codes => {
        const whole = codes.reduce((sum, code, i) => sum | (BigInt(code) << BigInt(i * bits)), 0n);
        return Array.from({ length: width }, (_, i) => Number((whole >> BigInt(32 * i)) & 0xffffffffn));
      });
      const columns = Array.from({ length: width }, (_, i) => rows.map(row => row[i]!)).flat();
      const expected = Uint8Array.from(streams.flat());
      t.strictSame(unpackRows(Uint32Array.from(rows.flat()), streams.length, count, bits), expected);
      t.strictSame(unpackStreams(Uint32Array.from(columns), streams.length, count, bits), expected);
    }),
    runs(60),
  );
  t.strictSame([...unsigned(Uint8Array.from([0x80, 0xff, 0, 0x7f]))], [0, 127, 128, 255]);
});
