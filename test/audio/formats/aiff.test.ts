import t from 'tap';
import { decodeBytes } from '#test/support/decode-bytes.js';
import { difference, knownLeft, sampled } from '#test/support/known-sound.js';

const EXPECTED = sampled(knownLeft, 16_000);

function chunk(id: string, content: Buffer): Buffer {
  const head = Buffer.alloc(8);
  head.write(id, 'latin1');
  head.writeUInt32BE(content.length, 4);
  return Buffer.concat([head, content, Buffer.alloc(content.length % 2)]);
}

/** @param compression undefined: an AIFF, not an AIFF-C. @param rate as 80-bit number of hexadecimal digits. */
function aiff(data: Buffer, bits: number, compression?: string, rate = '400cfa00000000000000'): Buffer {
  const common = Buffer.alloc(compression === undefined ? 18 : 24);
  common.writeUInt16BE(1, 0);
  common.writeUInt32BE(data.length / (bits / 8), 2);
  common.writeUInt16BE(bits, 6);
  Buffer.from(rate, 'hex').copy(common, 8);
  if (compression !== undefined) common.write(compression, 18, 'latin1');
  const sound = chunk('SSND', Buffer.concat([Buffer.alloc(8), data]));
  const body = [chunk('NAME', Buffer.from('odd')), chunk('COMM', common), sound];
  return chunk('FORM', Buffer.concat([Buffer.from(compression === undefined ? 'AIFF' : 'AIFC'), ...body]));
}

t.test('every encoding gives the sound that was written', async t => {
  const write = (width: number, put: (data: Buffer, sample: number, at: number) => unknown): Buffer => {
    const data = Buffer.alloc(EXPECTED.length * width);
    EXPECTED.forEach((sample, i) => put(data, sample, i * width));
    return data;
  };
  const big16 = write(2, (data, sample, at) => data.writeInt16BE(Math.round(sample * 32_767), at));
  const files = {
    AIFF: aiff(big16, 16),
    '24 bits': aiff(
      write(3, (data, sample, at) => data.writeIntBE(Math.round(sample * 8_388_607), at, 3)),
      24,
    ),
    NONE: aiff(big16, 16, 'NONE'),
    sowt: aiff(
      write(2, (data, sample, at) => data.writeInt16LE(Math.round(sample * 32_767), at)),
      16,
      'sowt',
    ),
    fl32: aiff(
      write(4, (data, sample, at) => data.writeFloatBE(sample, at)),
      32,
      'fl32',
    ),
  };
  for (const [name, file] of Object.entries(files)) {
    const sound = await decodeBytes(file);
    t.equal(sound.length, EXPECTED.length, name);
    t.ok(difference(sound, EXPECTED) < 1e-3, name);
  }
});

t.test('what cannot be read is refused', async t => {
  await t.rejects(decodeBytes(aiff(Buffer.alloc(100), 16, 'ima4')), {
    name: 'AudioFailure',
    fault: 'unknown',
  });
  await t.rejects(decodeBytes(aiff(Buffer.alloc(100), 16, undefined, '00000000000000000000')), {
    name: 'AudioFailure',
    fault: 'broken',
  });
  await t.rejects(decodeBytes(aiff(Buffer.alloc(0), 16)), { name: 'AudioFailure', fault: 'broken' });
});
