import { broken } from '../../failures.js';
import { checkSound } from '../../sound.js';
import { bitLength, EndOfPacket, PacketBits } from './bits.js';
import { readCodebook, type Codebook } from './codebook.js';
import { readFloor, type Floor } from './floor.js';
import { readResidue, type Residue } from './residue.js';

/** How channels are told from each other: one has the magnitude, the other one the angle. */
export interface Coupling {
  readonly magnitude: number;
  readonly angle: number;
}

export interface Mapping {
  readonly couplings: readonly Coupling[];
  /** By channel: its submap. */
  readonly mux: readonly number[];
  readonly submaps: readonly { readonly floor: Floor; readonly residue: Residue }[];
}

export interface Mode {
  readonly isLong: boolean;
  readonly mapping: Mapping;
}

/** What the headers of a Vorbis stream say (Vorbis I, section 4.2). */
export interface VorbisSetup {
  readonly rate: number;
  readonly channels: number;
  /** Samples of a short and of a long transform. */
  readonly blockSizes: readonly [short: number, long: number];
  readonly modes: readonly Mode[];
}

/** Entries of all codebooks together, and numbers of one codebook's vectors; encoders have some 10,000. */
const MOST_ENTRIES = 2 ** 18;

/**
 * @param identification the first header.
 * @param setup the third one.
 * @throws AudioFailure `broken`
 */
export function readVorbisSetup(identification: Uint8Array, setup: Uint8Array): VorbisSetup {
  try {
    const { channels, ...rest } = readIdentification(identification);
    return { channels, ...rest, modes: readSetup(setup, channels) };
  } catch (error) {
    if (error instanceof EndOfPacket) throw broken('has a header that is cut');
    throw error;
  }
}

function readIdentification(packet: Uint8Array): Omit<VorbisSetup, 'modes'> {
  const bits = openHeader(packet, 1);
  const version = bits.read(32);
  const channels = bits.read(8);
  const rate = bits.read(32);
  for (let bitrate = 0; bitrate < 3; bitrate++) bits.read(32);
  const [short, long] = [2 ** bits.read(4), 2 ** bits.read(4)];
  if (version !== 0 || short < 64 || long > 8192 || short > long) throw broken('has a damaged header');
  checkSound(rate, channels);
  return { rate, channels, blockSizes: [short, long] };
}

function readSetup(packet: Uint8Array, channels: number): readonly Mode[] {
  const bits = openHeader(packet, 5);
  const books: Codebook[] = [];
  let entries = MOST_ENTRIES;
  for (let left = bits.read(8) + 1; left > 0; left--) {
    const book = readCodebook(bits, entries);
    entries -= book.entries;
    books.push(book);
  }
  for (let left = bits.read(6) + 1; left > 0; left--) bits.read(16);
  const floors = Array.from({ length: bits.read(6) + 1 }, () => readFloor(bits, books));
  const residues = Array.from({ length: bits.read(6) + 1 }, () => readResidue(bits, books));
  const mappings = Array.from({ length: bits.read(6) + 1 }, () =>
    readMapping(bits, channels, floors, residues),
  );
  return Array.from({ length: bits.read(6) + 1 }, () => {
    const isLong = bits.flag();
    bits.read(32);
    return { isLong, mapping: at(mappings, bits.read(8)) };
  });
}

function readMapping(
  bits: PacketBits,
  channels: number,
  floors: readonly Floor[],
  residues: readonly Residue[],
): Mapping {
  if (bits.read(16) !== 0) throw broken('has a damaged header');
  const submapCount = bits.flag() ? bits.read(4) + 1 : 1;
  const steps = bits.flag() ? bits.read(8) + 1 : 0;
  const width = bitLength(channels - 1);
  const couplings = Array.from({ length: steps }, () => {
    const [magnitude, angle] = [bits.read(width), bits.read(width)];
    if (magnitude === angle || Math.max(magnitude, angle) >= channels) throw broken('has a damaged header');
    return { magnitude, angle };
  });
  bits.read(2);
  const mux = Array.from({ length: channels }, () => (submapCount > 1 ? bits.read(4) : 0));
  const submaps = Array.from({ length: submapCount }, () => {
    bits.read(8);
    return { floor: at(floors, bits.read(8)), residue: at(residues, bits.read(8)) };
  });
  if (mux.some(submap => submap >= submapCount)) throw broken('has a damaged header');
  return { couplings, mux, submaps };
}

function openHeader(packet: Uint8Array, type: number): PacketBits {
  if (packet[0] !== type || String.fromCharCode(...packet.subarray(1, 7)) !== 'vorbis')
    throw broken('has a damaged header');
  return new PacketBits(packet.subarray(7));
}

function at<T>(items: readonly T[], index: number): T {
  const item = items[index];
  if (item === undefined) throw broken('has a damaged header');
  return item;
}
