import type { ByteReader } from '../byte-reader.js';
import { openFlacPackets } from '../codecs/flac-packets.js';
import { openOpus } from '../codecs/opus.js';
import type { PacketDecoder } from '../codecs/packet-decoder.js';
import { VorbisDecoder } from '../codecs/vorbis/decoder.js';
import { broken, EndOfFile, unknown } from '../failures.js';
import type { Sound, SoundLimits, SoundStream } from '../sound.js';

/** Elements that are looked at (RFC 9559); all others are passed over. */
const ID = {
  segment: 0x18538067,
  info: 0x1549a966,
  timestampScale: 0x2ad7b1,
  duration: 0x4489,
  tracks: 0x1654ae6b,
  trackEntry: 0xae,
  trackNumber: 0xd7,
  trackType: 0x83,
  codecId: 0x86,
  codecPrivate: 0x63a2,
  contentEncodings: 0x6d80,
  cluster: 0x1f43b675,
  simpleBlock: 0xa3,
  blockGroup: 0xa0,
  block: 0xa1,
  discardPadding: 0x75a2,
};

/** Elements whose members are looked at. Where they end is not: live files do not say it, and no member is of two. */
const ENTERED: ReadonlySet<number> = new Set([
  ID.segment,
  ID.info,
  ID.tracks,
  ID.trackEntry,
  ID.cluster,
  ID.blockGroup,
]);

const AUDIO = 2;

/** Bytes of an element that is looked at, at most. */
const MOST_BYTES = 2 ** 20;

interface Track {
  number?: number;
  type?: number;
  codec?: string;
  setup?: Uint8Array;
  isEncoded?: boolean;
}

type OpenCodec = (setup: Uint8Array, limits: SoundLimits) => PacketDecoder | Promise<PacketDecoder>;

const CODECS: Readonly<Record<string, OpenCodec>> = {
  A_OPUS: setup => openOpus(setup),
  A_VORBIS: setup => {
    const [identification, , third] = xiphParts(setup);
    return new VorbisDecoder(identification!, third!);
  },
  // Behind the file's magic and the block's header.
  A_FLAC: (setup, limits) => openFlacPackets(setup.subarray(8), limits),
};

/**
 * Reads the sound of a WebM or Matroska file, live ones of unknown sizes included: Opus, Vorbis or FLAC, of several
 * tracks the first such one.
 *
 * @throws AudioFailure, EndOfFile
 */
export async function* readMatroska(input: ByteReader, limits: SoundLimits): SoundStream {
  const head = await readHead(input, limits);
  const decoder = await CODECS[head.codec!]!(head.setup ?? new Uint8Array(), limits);
  // The last one waits for what its block's group says behind it.
  let last: Sound | undefined;
  let delay = decoder.delay;
  try {
    for (let element = head.element; ; element = await readElement(input)) {
      if (element === undefined) break;
      if (element.id === ID.discardPadding && last !== undefined) {
        const padding = Math.round((signedOf(await contentOf(input, element)) * decoder.rate) / 1e9);
        last = { ...last, samples: last.samples.subarray(0, Math.max(0, last.samples.length - padding)) };
      } else if (element.id === ID.simpleBlock || element.id === ID.block) {
        for (const packet of await readBlock(input, element, head.number!)) {
          if (last !== undefined && last.samples.length > 0) yield last;
          const samples = decoder.decode(packet);
          last = { rate: decoder.rate, samples: samples.subarray(delay) };
          delay = Math.max(0, delay - samples.length);
        }
      } else await pass(input, element);
    }
  } catch (error) {
    // What is cut gives what there is.
    if (!(error instanceof EndOfFile)) throw error;
  } finally {
    decoder.free();
  }
  if (last !== undefined && last.samples.length > 0) yield last;
}

interface Element {
  readonly id: number;
  /** Bytes of its content; undefined: not known. */
  readonly size: number | undefined;
}

/** What comes before the first block; the track is one that can be decoded. */
async function readHead(
  input: ByteReader,
  limits: SoundLimits,
): Promise<Track & { readonly element: Element | undefined }> {
  const tracks: Track[] = [];
  let [scale, duration] = [1_000_000, 0];
  for (;;) {
    const element = await readElement(input);
    const track = tracks.at(-1);
    if (element === undefined || element.id === ID.cluster) {
      limits.announce((duration * scale) / 1e9);
      const sounds = tracks.filter(({ type }) => type === AUDIO);
      const found = sounds.find(({ codec, isEncoded }) => !isEncoded && Object.hasOwn(CODECS, codec ?? ''));
      if (found !== undefined) return { ...found, element };
      if (sounds.length === 0) throw broken('is a Matroska without sound');
      throw unknown(`is a Matroska whose sound is ${sounds.map(({ codec }) => codec).join(' and ')}`);
    }
    switch (element.id) {
      case ID.trackEntry:
        tracks.push({});
        break;
      case ID.timestampScale:
        scale = numberOf(await contentOf(input, element));
        break;
      case ID.duration:
        duration = floatOf(await contentOf(input, element));
        break;
      case ID.trackNumber:
        if (track !== undefined) track.number = numberOf(await contentOf(input, element));
        break;
      case ID.trackType:
        if (track !== undefined) track.type = numberOf(await contentOf(input, element));
        break;
      case ID.codecId:
        if (track !== undefined) track.codec = textOf(await contentOf(input, element));
        break;
      case ID.codecPrivate:
        if (track !== undefined) track.setup = (await contentOf(input, element)).slice();
        break;
      case ID.contentEncodings:
        if (track !== undefined) track.isEncoded = true;
        await pass(input, element);
        break;
      default:
        await pass(input, element);
    }
  }
}

/** @returns undefined at the file's end. */
async function readElement(input: ByteReader): Promise<Element | undefined> {
  if (!(await input.has(1))) return undefined;
  const idLength = lengthOf((await input.peek(1))[0]!);
  if (idLength > 4) throw broken('is a damaged Matroska');
  const id = numberOf(await input.take(idLength));
  const first = (await input.peek(1))[0]!;
  if (first === 0) throw broken('is a damaged Matroska');
  const bytes = await input.take(lengthOf(first));
  return { id, size: sizeOf(bytes) };
}

/** Bytes of a number of variable length, by its first: as many as it has zeros in front, and one. */
function lengthOf(first: number): number {
  return Math.clz32(first) - 23;
}

/** The value of a number of variable length; undefined where it is all ones. */
function sizeOf(bytes: Uint8Array): number | undefined {
  const mask = 0xff >> bytes.length;
  const first = bytes[0]! & mask;
  const rest = bytes.subarray(1);
  if (first === mask && rest.every(byte => byte === 0xff)) return undefined;
  return first * 256 ** rest.length + numberOf(rest);
}

/** Goes into an element, or past it. */
async function pass(input: ByteReader, { id, size }: Element): Promise<void> {
  if (ENTERED.has(id)) return;
  if (size === undefined) throw broken('is a damaged Matroska');
  await input.skip(size);
}

/** Valid until the next call of the input. */
async function contentOf(input: ByteReader, { size }: Element): Promise<Uint8Array> {
  if (size === undefined || size > MOST_BYTES) throw broken('is a damaged Matroska');
  return input.take(size);
}

/** The packets of a block, if it is of the track. */
async function readBlock(input: ByteReader, element: Element, track: number): Promise<Uint8Array[]> {
  const { size } = element;
  if (size === undefined || size < 4) throw broken('is a damaged Matroska');
  const length = lengthOf((await input.peek(1))[0]!);
  if (sizeOf(await input.peek(Math.min(length, size))) !== track) {
    await input.skip(size);
    return [];
  }
  const block = (await contentOf(input, element)).slice();
  const lacing = (block[length + 2]! >> 1) & 3;
  return packetsOf(block.subarray(length + 3), lacing);
}

/** The packets that share a block (RFC 9559, section 10.3). */
function packetsOf(block: Uint8Array, lacing: number): Uint8Array[] {
  if (lacing === 0) return [block];
  const count = (block[0] ?? 0) + 1;
  if (lacing === 1) return xiphParts(block);
  if (lacing === 2) {
    const size = Math.floor((block.length - 1) / count);
    return Array.from({ length: count }, (_, i) => block.subarray(1 + i * size, 1 + (i + 1) * size));
  }
  // The first size, then differences, which are shifted so as not to be negative.
  const sizes: number[] = [];
  let at = 1;
  while (sizes.length < count - 1 && at < block.length) {
    const length = lengthOf(block[at]!);
    const value = sizeOf(block.subarray(at, at + length)) ?? 0;
    at += length;
    sizes.push(sizes.length === 0 ? value : sizes.at(-1)! + value - (2 ** (7 * length - 1) - 1));
  }
  return cut(block.subarray(at), sizes);
}

/** Parts behind a list of their sizes but for the last one's, each as bytes that are added up until one is below 255. */
function xiphParts(bytes: Uint8Array): Uint8Array[] {
  const sizes: number[] = [];
  let at = 1;
  for (let left = bytes[0] ?? 0; left > 0 && at < bytes.length; left--) {
    let size = 0;
    while (bytes[at] === 255) size += bytes[at++]!;
    sizes.push(size + (bytes[at++] ?? 0));
  }
  return cut(bytes.subarray(at), sizes);
}

/** The parts of these sizes, and what is left. */
function cut(bytes: Uint8Array, sizes: readonly number[]): Uint8Array[] {
  let at = 0;
  const parts = sizes.map(size => bytes.subarray(at, (at += Math.max(0, size))));
  return [...parts, bytes.subarray(at)];
}

function numberOf(bytes: Uint8Array): number {
  return bytes.reduce((value, byte) => value * 256 + byte, 0);
}

function signedOf(bytes: Uint8Array): number {
  const value = numberOf(bytes);
  return (bytes[0] ?? 0) < 128 ? value : value - 256 ** bytes.length;
}

function floatOf(bytes: Uint8Array): number {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  return bytes.length === 8 ? view.getFloat64(0) : bytes.length === 4 ? view.getFloat32(0) : 0;
}

function textOf(bytes: Uint8Array): string {
  return String.fromCharCode(...bytes.subarray(0, 64)).replace(/\0.*$/s, '');
}
