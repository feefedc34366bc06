import fc from 'fast-check';
import t from 'tap';
import { decodeBytes } from '#test/support/decode-bytes.js';
import { knownLeft, sampled } from '#test/support/known-sound.js';
import { runs } from '#test/support/property-runs.js';

/** Bits to bytes, from the highest on. */
class Bits {
  #text = '';

  put(value: number, count: number): this {
    this.#text += (value >>> 0).toString(2).padStart(32, '0').slice(-count);
    return this;
  }

  get bytes(): Buffer {
    return Buffer.from(this.#text.match(/.{8}/g)!.map(byte => Number.parseInt(byte, 2)));
  }
}

function crc(bytes: Uint8Array, polynomial: number, width: number): number {
  let crc = 0;
  for (const byte of bytes) {
    crc ^= byte << (width - 8);
    for (let bit = 0; bit < 8; bit++) crc = crc & (1 << (width - 1)) ? (crc << 1) ^ polynomial : crc << 1;
  }
  return crc & ((1 << width) - 1);
}

/** A FLAC frame of 16 kHz, 16 bits, its samples as they are. */
function flacFrame(samples: Float32Array): Buffer {
  const head = new Bits()
    .put(0xfff8, 16)
    .put(0x75, 8)
    .put(0x08, 8)
    .put(0, 8)
    .put(samples.length - 1, 16).bytes;
  const body = new Bits().put(1 << 1, 8);
  for (const sample of samples) body.put(Math.round(sample * 32_767) & 0xffff, 16);
  const frame = Buffer.concat([head, Buffer.of(crc(head, 0x07, 8)), body.bytes]);
  return Buffer.concat([frame, new Bits().put(crc(frame, 0x8005, 16), 16).bytes]);
}

/** Bytes of a number of variable length. @param length undefined: as short as it can be. */
function vint(value: number, length = value < 127 ? 1 : value < 16_383 ? 2 : 4): Buffer {
  const bytes = Buffer.alloc(length);
  bytes.writeUIntBE(value, 0, length);
  bytes[0]! |= 0x80 >> (length - 1);
  return bytes;
}

function element(id: number, ...content: Buffer[]): Buffer {
  const body = Buffer.concat(content);
  return Buffer.concat([idOf(id), vint(body.length), body]);
}

/** An element that does not say where it ends. */
function unbounded(id: number, ...content: Buffer[]): Buffer {
  return Buffer.concat([idOf(id), Buffer.of(0x01, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff), ...content]);
}

function idOf(id: number): Buffer {
  return Buffer.from(id.toString(16), 'hex');
}

type Lacing = 'none' | 'xiph' | 'fixed' | 'ebml';

/** A SimpleBlock of track 1. */
function block(packets: readonly Buffer[], lacing: Lacing): Buffer {
  const flags = { none: 0, xiph: 2, fixed: 4, ebml: 6 }[lacing];
  const sizes = packets.slice(0, -1).map(packet => packet.length);
  const head: Buffer[] = lacing === 'none' ? [] : [Buffer.of(packets.length - 1)];
  if (lacing === 'xiph')
    for (const size of sizes) head.push(Buffer.alloc(Math.floor(size / 255), 255), Buffer.of(size % 255));
  if (lacing === 'ebml')
    sizes.forEach((size, i) =>
      head.push(i === 0 ? vint(size, 2) : vint(size - sizes[i - 1]! + 2 ** 13 - 1, 2)),
    );
  return element(0xa3, Buffer.of(0x81, 0, 0, flags), ...head, ...packets);
}

function matroska(clusters: readonly Buffer[][], encodings: readonly Buffer[] = []): Buffer {
  const info = new Bits().put(0, 16).put(0, 16).put(0, 24).put(0, 24).put(16_000, 20).put(0, 3).put(15, 5);
  const setup = Buffer.concat([
    Buffer.from('fLaC\x80\0\0\x22', 'latin1'),
    info.put(0, 4).put(0, 32).bytes,
    Buffer.alloc(16),
  ]);
  const track = element(
    0xae,
    element(0xd7, Buffer.of(1)),
    element(0x83, Buffer.of(2)),
    element(0x86, Buffer.from('A_FLAC')),
    element(0x63a2, setup),
    ...encodings,
  );
  return Buffer.concat([
    element(0x1a45dfa3, element(0x4282, Buffer.from('matroska'))),
    unbounded(
      0x18538067,
      element(0x1654ae6b, track),
      ...clusters.map(blocks => unbounded(0x1f43b675, ...blocks)),
    ),
  ]);
}

const SOUND = sampled(knownLeft, 16_000).subarray(1000, 4000);

t.test('packets are found however blocks hold them', async () => {
  const lacing = fc.constantFrom<Lacing>('none', 'xiph', 'fixed', 'ebml');
  const blocks = fc.array(
    fc.tuple(lacing, fc.array(fc.integer({ min: 1, max: 200 }), { minLength: 1, maxLength: 5 })),
    {
      minLength: 1,
      maxLength: 6,
    },
  );
  const property = fc.asyncProperty(blocks, fc.nat(5), async (blocks, clusters) => {
    let at = 0;
    const next = (length: number): Buffer => flacFrame(SOUND.subarray(at, (at += length)));
    const written = blocks.map(([lacing, lengths]) => {
      const used = lacing === 'none' ? lengths.slice(0, 1) : lengths;
      return block(
        used.map(length => next(lacing === 'fixed' ? used[0]! : length)),
        lacing,
      );
    });
    const file = matroska([written.slice(0, clusters), written.slice(clusters)]);
    const sound = await decodeBytes(file, { piece: 37 });
    return sound.length === at && sound.every((sample, i) => Math.abs(sample - SOUND[i]!) < 1e-4);
  });
  await fc.assert(property, runs(60));
});

t.test('other tracks’ blocks are passed over', async t => {
  const other = element(0xa3, Buffer.of(0x82, 0, 0, 0), Buffer.alloc(70_000));
  const sound = await decodeBytes(
    matroska([[other, block([flacFrame(SOUND.subarray(0, 100))], 'none'), other]]),
  );
  t.equal(sound.length, 100);
});

t.test('what stands behind a block may take of its end', async t => {
  const frame = flacFrame(SOUND.subarray(0, 1600));
  const ofGroup = element(0xa1, Buffer.of(0x81, 0, 0, 0), frame);
  // 50 ms of 100, in nanoseconds.
  const padding = Buffer.alloc(4);
  padding.writeInt32BE(50_000_000);
  const sound = await decodeBytes(matroska([[element(0xa0, ofGroup, element(0x75a2, padding))]]));
  t.equal(sound.length, 800);
});

t.test('tracks that are compressed once more, and files without sound, are refused', async t => {
  const blocks = [[block([flacFrame(SOUND)], 'none')]];
  await t.rejects(decodeBytes(matroska(blocks, [element(0x6d80)])), {
    name: 'AudioFailure',
    fault: 'unknown',
  });
  await t.rejects(decodeBytes(matroska([])), { name: 'AudioFailure', fault: 'broken' });
});
