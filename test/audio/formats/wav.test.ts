import t from 'tap';
import { decodeBytes } from '#test/support/decode-bytes.js';
import { difference, knownLeft, knownMean, knownRight, sampled } from '#test/support/known-sound.js';
import { pcm16, wavChunk, wavFile, wavOf } from '#test/support/wav-file.js';

const EXPECTED = sampled(knownLeft, 16_000);

/** Samples in an encoding of WAV. */
function encode(samples: Float32Array, format: number, bits: number): Buffer {
  const width = bits / 8;
  const data = Buffer.alloc(samples.length * width);
  samples.forEach((sample, i) => {
    const at = i * width;
    if (format === 3 && width === 4) data.writeFloatLE(sample, at);
    else if (format === 3) data.writeDoubleLE(sample, at);
    else if (format === 6) data[at] = toALaw(Math.round(sample * 32_768));
    else if (format === 7) data[at] = toMuLaw(Math.round(sample * 32_768));
    else if (width === 1) data[at] = Math.round(sample * 127) + 128;
    else data.writeIntLE(Math.round(sample * (2 ** (bits - 1) - 1)), at, width);
  });
  return data;
}

/** ITU-T G.711, by looking for the nearest value of the segments. */
function toMuLaw(value: number): number {
  const magnitude = Math.min(Math.abs(value), 32_635) + 132;
  const exponent = Math.floor(Math.log2(magnitude)) - 7;
  const mantissa = (magnitude >> (exponent + 3)) & 15;
  return ~((value < 0 ? 0x80 : 0) | (exponent << 4) | mantissa) & 0xff;
}

function toALaw(value: number): number {
  const magnitude = Math.min(Math.abs(value), 32_767);
  const exponent = magnitude < 256 ? 0 : Math.floor(Math.log2(magnitude)) - 7;
  const mantissa = (magnitude >> (exponent === 0 ? 4 : exponent + 3)) & 15;
  return ((value < 0 ? 0 : 0x80) | (exponent << 4) | mantissa) ^ 0x55;
}

t.test('every encoding gives the sound that was written', async t => {
  const samples = sampled(knownLeft, 16_000);
  for (const [format, bits, most] of [
    [1, 8, 0.03],
    [1, 16, 2e-4],
    [1, 24, 1e-6],
    [1, 32, 1e-6],
    [3, 32, 0],
    [3, 64, 0],
    [6, 8, 0.05],
    [7, 8, 0.05],
  ] as const)
    for (const isExtensible of [false, true]) {
      const file = wavFile(encode(samples, format, bits), { format, bits, rate: 16_000, isExtensible });
      const sound = await decodeBytes(file);
      t.equal(sound.length, samples.length);
      const error = difference(sound, samples);
      t.ok(error <= most, `format ${format}, ${bits} bits: ${error}`);
    }
});

t.test('other rates are resampled', async t => {
  for (const rate of [8000, 11_025, 22_050, 44_100, 48_000, 96_000]) {
    const error = difference(await decodeBytes(wavOf(sampled(knownLeft, rate), rate)), EXPECTED);
    t.ok(error < 1e-3, `${rate}: ${error}`);
  }
});

t.test('channels become their mean', async t => {
  const channels = [knownLeft, knownRight, knownLeft].map(at => sampled(at, 16_000));
  for (const count of [1, 2, 3]) {
    const mixed = new Float32Array(EXPECTED.length * count);
    for (let i = 0; i < mixed.length; i++) mixed[i] = channels[i % count]![Math.floor(i / count)]!;
    const file = wavFile(pcm16(mixed), { format: 1, bits: 16, rate: 16_000, channels: count });
    const expected = sampled(time => knownMean(time, count), 16_000);
    t.ok(difference(await decodeBytes(file), expected) < 1e-3);
  }
});

t.test('headers that programs write', async t => {
  const data = pcm16(EXPECTED);
  const form = { format: 1, bits: 16, rate: 16_000 };
  const list = wavChunk('LIST', Buffer.from('INFOISFT\x05\0\0\0odd!!', 'latin1'));
  const large = wavChunk('JUNK', Buffer.alloc(3_000_001, 1));
  const ds64 = Buffer.alloc(28);
  ds64.writeBigUInt64LE(BigInt(data.length), 8);
  const files = {
    'a stream’s sizes': wavFile(data, { ...form, riffSize: 0xffff_ffff, dataSize: 0xffff_ffff }),
    'sizes of 0': wavFile(data, { ...form, riffSize: 0, dataSize: 0 }),
    'sizes of 2 GiB': wavFile(data, { ...form, riffSize: 0x7fff_ffff, dataSize: 0x7fff_f000 }),
    'chunks of odd length': wavFile(data, { ...form, before: [list], after: [list] }),
    'a large chunk': wavFile(data, { ...form, before: [large] }),
    RF64: wavFile(data, {
      ...form,
      magic: 'RF64',
      riffSize: 0xffff_ffff,
      dataSize: 0xffff_ffff,
      before: [wavChunk('ds64', ds64)],
      after: [list],
    }),
  };
  for (const [name, file] of Object.entries(files)) {
    const sound = await decodeBytes(file, { piece: 1000 });
    t.equal(sound.length, EXPECTED.length, name);
    t.ok(difference(sound, EXPECTED) < 1e-3, name);
  }
});

t.test('a cut file gives what there is', async t => {
  const file = wavOf(EXPECTED, 16_000);
  const sound = await decodeBytes(file.subarray(0, 44 + 2001));
  t.equal(sound.length, 1000);
  t.ok(difference(sound, EXPECTED.subarray(0, 1000)) < 1e-3);
});

t.test('what is no sound is refused', async t => {
  const form = { format: 1, bits: 16, rate: 16_000 };
  const nan = Buffer.alloc(4000);
  nan.writeFloatLE(NaN, 2000);
  const infinite = Buffer.alloc(4000);
  infinite.writeFloatLE(-Infinity, 2000);
  const refused = {
    'a header only': wavFile(Buffer.alloc(0), form),
    'a header only, and another chunk': wavFile(Buffer.alloc(0), {
      ...form,
      after: [wavChunk('LIST', Buffer.alloc(200))],
    }),
    'a cut header': wavOf(EXPECTED, 16_000).subarray(0, 30),
    'no number': wavFile(nan, { format: 3, bits: 32, rate: 16_000 }),
    'an infinite number': wavFile(infinite, { format: 3, bits: 32, rate: 16_000 }),
    'no channel': wavFile(Buffer.alloc(100), { ...form, channels: 0 }),
    'no rate': wavFile(Buffer.alloc(100), { ...form, rate: 0 }),
    'a rate beyond all': wavFile(Buffer.alloc(100), { ...form, rate: 4_000_000_000 }),
    '65,535 channels': wavFile(Buffer.alloc(200_000), { ...form, channels: 65_535 }),
  };
  for (const [name, file] of Object.entries(refused))
    await t.rejects(decodeBytes(file), { name: 'AudioFailure', fault: 'broken' }, name);
  for (const format of [2, 0x11, 0x31, 0x55])
    await t.rejects(decodeBytes(wavFile(Buffer.alloc(100), { ...form, format })), {
      name: 'AudioFailure',
      fault: 'unknown',
    });
});

t.test('what is too long is refused, by its header or as it comes', async t => {
  const form = { format: 1, bits: 16, rate: 16_000 };
  const claims = wavFile(Buffer.alloc(100), { ...form, dataSize: 2_000_000_000 });
  await t.rejects(decodeBytes(claims), { name: 'AudioFailure', fault: 'too_long' });
  const second = Buffer.alloc(32_000);
  t.equal((await decodeBytes(wavFile(second, form), { maxSeconds: 1 })).length, 16_000);
  await t.rejects(decodeBytes(wavFile(second, form), { maxSeconds: 0.9 }), {
    name: 'AudioFailure',
    fault: 'too_long',
  });
  const endless = wavFile(second, { ...form, dataSize: 0xffff_ffff });
  await t.rejects(decodeBytes(endless, { maxSeconds: 0.9 }), { name: 'AudioFailure', fault: 'too_long' });
  // One byte is ten milliseconds.
  const slow = wavFile(Buffer.alloc(1_000_000), { format: 1, bits: 8, rate: 100, dataSize: 0xffff_ffff });
  await t.rejects(decodeBytes(slow, { maxSeconds: 60 }), { name: 'AudioFailure', fault: 'too_long' });
});
