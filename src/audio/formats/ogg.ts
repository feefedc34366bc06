import type { ByteReader } from '../byte-reader.js';
import { openFlacPackets } from '../codecs/flac-packets.js';
import { openOpus } from '../codecs/opus.js';
import type { PacketDecoder } from '../codecs/packet-decoder.js';
import { VorbisDecoder } from '../codecs/vorbis/decoder.js';
import { unknown } from '../failures.js';
import type { Sound, SoundLimits, SoundStream } from '../sound.js';

/** How a codec is carried in Ogg. */
interface OggCodec {
  /** How its first packet begins. */
  readonly magic: string;
  /** Packets that it is opened with. */
  readonly headers: number;
  open(headers: readonly Uint8Array[], limits: SoundLimits): PacketDecoder | Promise<PacketDecoder>;
}

const CODECS: readonly OggCodec[] = [
  { magic: 'OpusHead', headers: 2, open: ([head]) => openOpus(head!) },
  { magic: '\x01vorbis', headers: 3, open: headers => new VorbisDecoder(headers[0]!, headers[2]!) },
  // STREAMINFO comes behind the mapping's header and its own (RFC 9639, section 10.1).
  { magic: '\x7fFLAC', headers: 1, open: ([head], limits) => openFlacPackets(head!.subarray(17), limits) },
];

/** Bytes of a packet that are kept; longer ones are pictures among the comments. */
const MOST_PACKET = 2 ** 20;

/** RFC 3533, section 6. */
interface Page {
  readonly continues: boolean;
  readonly begins: boolean;
  readonly ends: boolean;
  readonly serial: number;
  /** Time of its last moment, in samples of the codec's rate; undefined: no packet ends on it. */
  readonly granule: number | undefined;
  /** Bytes of its segments; a packet ends with one of less than 255. */
  readonly segments: Uint8Array;
  readonly body: Uint8Array;
}

/**
 * Reads the sound of an Ogg file: Opus, Vorbis or FLAC, of several streams the first such one; streams that follow
 * each other one after the other.
 *
 * @throws AudioFailure, EndOfFile
 */
export async function* readOgg(input: ByteReader, limits: SoundLimits): SoundStream {
  let stream: OggStream | undefined;
  try {
    for (;;) {
      const page = await readPage(input);
      if (page === undefined) break;
      // Streams that are heard at once all begin before the first of them goes on.
      if (page.begins && stream?.goesOn !== false) {
        const codec = codecOf(page.body);
        if (codec !== undefined) {
          stream?.free();
          stream = new OggStream(page.serial, codec, limits);
        }
      }
      if (page.serial === stream?.serial) yield* stream.read(page);
      else if (!page.begins && stream === undefined) break;
    }
    if (stream === undefined) throw unknown('is an Ogg without Opus, Vorbis or FLAC in it');
  } finally {
    stream?.free();
  }
}

function codecOf(packet: Uint8Array): OggCodec | undefined {
  return CODECS.find(({ magic }) => String.fromCharCode(...packet.subarray(0, magic.length)) === magic);
}

/** @returns undefined at the file's end; bytes between pages are passed over. */
async function readPage(input: ByteReader): Promise<Page | undefined> {
  while (await input.has(27)) {
    const { there } = input;
    if (there[0] === 0x4f && there[1] === 0x67 && there[2] === 0x67 && there[3] === 0x53) break;
    const next = there.indexOf(0x4f, 1);
    await input.take(next === -1 ? there.length : next);
  }
  if (!(await input.has(27))) return undefined;
  const header = await input.take(27);
  const view = new DataView(header.buffer, header.byteOffset, 27);
  const flags = header[5]!;
  const granule = view.getBigInt64(6, true);
  const serial = view.getUint32(14, true);
  const segments = (await input.take(header[26]!)).slice();
  // Of a page that is cut, the packets that are whole.
  const size = segments.reduce((sum, segment) => sum + segment, 0);
  await input.has(size);
  return {
    continues: (flags & 1) !== 0,
    begins: (flags & 2) !== 0,
    ends: (flags & 4) !== 0,
    serial,
    granule: granule === -1n ? undefined : Number(granule),
    segments,
    body: (await input.take(Math.min(size, input.there.length))).slice(),
  };
}

/** One stream of a file: its packets from pages, its sound from packets. */
class OggStream {
  readonly serial: number;
  readonly #codec: OggCodec;
  readonly #limits: SoundLimits;
  readonly #headers: Uint8Array[] = [];
  #decoder: PacketDecoder | undefined;
  /** The beginning of a packet that goes on. */
  #begun: Uint8Array[] = [];
  /** Samples that were decoded. */
  #position = 0;
  /** What the pages' times begin with; undefined: no page has told yet. */
  #origin: number | undefined;

  constructor(serial: number, codec: OggCodec, limits: SoundLimits) {
    this.serial = serial;
    this.#codec = codec;
    this.#limits = limits;
  }

  /** Whether it has come to its sound. */
  get goesOn(): boolean {
    return this.#decoder !== undefined;
  }

  async *read(page: Page): AsyncGenerator<Sound, void, undefined> {
    for (const packet of this.#packetsOf(page)) {
      if (this.#decoder !== undefined) {
        const samples = this.#trim(this.#decoder.decode(packet), page);
        if (samples.length > 0) yield { rate: this.#decoder.rate, samples };
        continue;
      }
      this.#headers.push(packet.slice());
      if (this.#headers.length === this.#codec.headers)
        this.#decoder = await this.#codec.open(this.#headers, this.#limits);
    }
    if (this.#position > 0 && page.granule !== undefined)
      this.#origin ??= Math.max(0, page.granule - this.#position);
  }

  free(): void {
    this.#decoder?.free();
  }

  *#packetsOf({ continues, segments, body }: Page): Generator<Uint8Array, void, undefined> {
    let isLost = continues && this.#begun.length === 0;
    if (!continues) this.#begun = [];
    let [begin, end] = [0, 0];
    for (const segment of segments) {
      end += segment;
      if (segment === 255) continue;
      if (end > body.length) return;
      this.#begin(body.subarray(begin, end));
      const packet = join(this.#begun);
      this.#begun = [];
      begin = end;
      if (!isLost) yield packet;
      isLost = false;
    }
    if (begin < end && !isLost) this.#begin(body.slice(begin, end));
  }

  #begin(bytes: Uint8Array): void {
    const length = this.#begun.reduce((sum, part) => sum + part.length, 0);
    if (length < MOST_PACKET) this.#begun.push(bytes.subarray(0, MOST_PACKET - length));
  }

  /** Leaves out what a stream's head and its last page say is no sound. */
  #trim(samples: Float32Array, page: Page): Float32Array {
    const begin = this.#position;
    this.#position += samples.length;
    const end =
      page.ends && page.granule !== undefined
        ? Math.min(this.#position, page.granule - (this.#origin ?? 0))
        : this.#position;
    const from = Math.max(begin, this.#decoder!.delay);
    return samples.subarray(from - begin, Math.max(from, end) - begin);
  }
}

function join(parts: readonly Uint8Array[]): Uint8Array {
  if (parts.length === 1) return parts[0]!;
  const joined = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    joined.set(part, at);
    at += part.length;
  }
  return joined;
}
