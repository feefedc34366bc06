import { AudioFailure } from '../../failures.js';
import { downmix } from '../../sound.js';
import type { PacketDecoder } from '../packet-decoder.js';
import { bitLength, EndOfPacket, PacketBits } from './bits.js';
import { applyFloor, readPoints } from './floor.js';
import { InverseMdct } from './mdct.js';
import { addResidue } from './residue.js';
import { readVorbisSetup, type Coupling, type Mapping, type Mode, type VorbisSetup } from './setup.js';

/** Decodes the packets of a Vorbis stream (Vorbis I, section 4.3): the first one gives no sound. */
export class VorbisDecoder implements PacketDecoder {
  readonly rate: number;
  readonly delay = 0;
  readonly #setup: VorbisSetup;
  readonly #transforms: readonly [short: InverseMdct, long: InverseMdct];
  /** The rising halves of both windows. */
  readonly #slopes: readonly [short: Float32Array, long: Float32Array];
  /** By channel: the second half of the last block, as far as it sounds into the next one. */
  #tails: Float32Array[] | undefined;

  /**
   * @param identification the first header.
   * @param setup the third one.
   * @throws AudioFailure `broken`
   */
  constructor(identification: Uint8Array, setup: Uint8Array) {
    this.#setup = readVorbisSetup(identification, setup);
    this.rate = this.#setup.rate;
    const [short, long] = this.#setup.blockSizes;
    this.#transforms = [new InverseMdct(short), new InverseMdct(long)];
    this.#slopes = [slope(short / 2), slope(long / 2)];
  }

  decode(packet: Uint8Array): Float32Array {
    const bits = new PacketBits(packet);
    const head = readHead(bits, this.#setup.modes);
    // Packets of other kinds are passed over.
    if (head === undefined) return new Float32Array();
    const { mode, before, after } = head;
    const size = this.#setup.blockSizes[mode.isLong ? 1 : 0];
    const spectra = readSpectra(bits, mode.mapping, size / 2);
    const transform = this.#transforms[mode.isLong ? 1 : 0];
    const blocks = spectra.map(spectrum => {
      const block = new Float32Array(size);
      if (spectrum === undefined) return block;
      transform.run(spectrum, block);
      applyWindow(block, this.#slopes[before], this.#slopes[after]);
      return block;
    });
    const tails = this.#tails;
    this.#tails = blocks.map(block => block.subarray(size / 2));
    if (tails === undefined) return new Float32Array();
    return downmix(blocks.map((block, channel) => overlap(tails[channel]!, block.subarray(0, size / 2))));
  }

  free(): void {
    this.#tails = undefined;
  }
}

interface Head {
  readonly mode: Mode;
  /** Which slopes it has, by {@link VorbisSetup.blockSizes}: a long block has short ones beside short blocks. */
  readonly before: 0 | 1;
  readonly after: 0 | 1;
}

/** @returns undefined where the packet has no sound. */
function readHead(bits: PacketBits, modes: readonly Mode[]): Head | undefined {
  try {
    if (bits.flag()) return undefined;
    const mode = modes[bits.read(bitLength(modes.length - 1))];
    if (mode === undefined) return undefined;
    if (!mode.isLong) return { mode, before: 0, after: 0 };
    return { mode, before: bits.flag() ? 1 : 0, after: bits.flag() ? 1 : 0 };
  } catch (error) {
    if (error instanceof EndOfPacket) return undefined;
    throw error;
  }
}

/**
 * The spectra of a packet's channels, undefined for silent ones. What a packet that ends early does not say is 0.
 *
 * @param size elements of a spectrum.
 */
function readSpectra(
  bits: PacketBits,
  { couplings, mux, submaps }: Mapping,
  size: number,
): (Float32Array | undefined)[] {
  const points: (number[] | undefined)[] = [];
  let spectra: (Float32Array | undefined)[] = [];
  try {
    for (const submap of mux) points.push(readPoints(bits, submaps[submap]!.floor));
    spectra = points.map(heard => heard && new Float32Array(size));
    for (const { magnitude, angle } of couplings) {
      if (spectra[magnitude] === undefined && spectra[angle] === undefined) continue;
      spectra[magnitude] ??= new Float32Array(size);
      spectra[angle] ??= new Float32Array(size);
    }
    for (const [submap, { residue }] of submaps.entries()) {
      const own = spectra.filter((_, channel) => mux[channel] === submap);
      addResidue(bits, residue, own, size);
    }
  } catch (error) {
    if (!(error instanceof EndOfPacket || error instanceof AudioFailure)) throw error;
  }
  if (spectra.length === 0) return mux.map(() => undefined);
  for (const coupling of couplings.toReversed()) decouple(spectra, coupling);
  return spectra.map((spectrum, channel) => {
    const heights = points[channel];
    if (spectrum === undefined || heights === undefined) return undefined;
    applyFloor(heights, submaps[mux[channel]!]!.floor, spectrum, size);
    return spectrum;
  });
}

/** Magnitude and angle become two channels (Vorbis I, section 4.3.5). */
function decouple(spectra: readonly (Float32Array | undefined)[], { magnitude, angle }: Coupling): void {
  const [first, second] = [spectra[magnitude], spectra[angle]];
  if (first === undefined || second === undefined) return;
  for (let i = 0; i < first.length; i++) {
    const m = first[i]!;
    const a = second[i]!;
    const other = m > 0 === a > 0 ? m - a : m + a;
    if (a > 0) second[i] = other;
    else {
      first[i] = other;
      second[i] = m;
    }
  }
}

/** Vorbis' window (section 4.3.1): slopes in the middle of each half, silence before and behind them. */
function applyWindow(block: Float32Array, rise: Float32Array, fall: Float32Array): void {
  const half = block.length / 2;
  const begin = (half - rise.length) / 2;
  block.fill(0, 0, begin);
  for (let i = 0; i < rise.length; i++) block[begin + i]! *= rise[i]!;
  const end = half + (half - fall.length) / 2;
  for (let i = 0; i < fall.length; i++) block[end + i]! *= fall[fall.length - 1 - i]!;
  block.fill(0, end + fall.length);
}

/** The sound from the middle of one block to the middle of the next: a quarter of each, with their slopes added. */
function overlap(tail: Float32Array, head: Float32Array): Float32Array {
  const sound = new Float32Array((tail.length + head.length) / 2);
  // Where blocks differ, the longer one begins earlier or ends later.
  const lead = sound.length - head.length;
  sound.set(lead >= 0 ? tail.subarray(0, sound.length) : tail);
  const from = Math.max(0, -lead);
  for (let i = from; i < head.length; i++) sound[i + lead]! += head[i]!;
  return sound;
}

/** `[size]` */
function slope(size: number): Float32Array {
  return Float32Array.from({ length: size }, (_, i) =>
    Math.sin((Math.PI / 2) * Math.sin(((i + 0.5) / size) * (Math.PI / 2)) ** 2),
  );
}
