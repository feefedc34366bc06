import { broken } from '../../failures.js';
import { bitLength, type PacketBits } from './bits.js';

/** Bits of a codeword that are looked up at once. */
const QUICK_BITS = 9;

/** A codebook: codewords of entries, and the vectors that these stand for (Vorbis I, section 3). */
export interface Codebook {
  readonly dimensions: number;
  readonly entries: number;
  readonly tree: CodeTree;
  /** `[entries, dimensions]`; undefined: its entries are numbers only. */
  readonly vectors: Float32Array | undefined;
}

/**
 * Reads a codebook.
 *
 * @param most entries, and numbers of its vectors.
 * @throws AudioFailure `broken`; EndOfPacket
 */
export function readCodebook(bits: PacketBits, most: number): Codebook {
  if (bits.read(24) !== 0x564342) throw broken('has a damaged codebook');
  const dimensions = bits.read(16);
  const entries = bits.read(24);
  if (dimensions === 0 || entries === 0 || entries > most) throw broken('has a damaged codebook');
  const tree = new CodeTree(readLengths(bits, entries));
  return { dimensions, entries, tree, vectors: readVectors(bits, entries, dimensions, most) };
}

/** Bits of each entry's codeword; 0: the entry has none. */
function readLengths(bits: PacketBits, entries: number): Uint8Array {
  const lengths = new Uint8Array(entries);
  if (bits.flag()) {
    for (let length = bits.read(5) + 1, entry = 0; entry < entries; length++) {
      const count = bits.read(bitLength(entries - entry));
      if (length > 32 || entry + count > entries) throw broken('has a damaged codebook');
      lengths.fill(length, entry, entry + count);
      entry += count;
    }
    return lengths;
  }
  const isSparse = bits.flag();
  for (let entry = 0; entry < entries; entry++)
    if (!isSparse || bits.flag()) lengths[entry] = bits.read(5) + 1;
  return lengths;
}

function readVectors(
  bits: PacketBits,
  entries: number,
  dimensions: number,
  most: number,
): Float32Array | undefined {
  const type = bits.read(4);
  if (type === 0) return undefined;
  if (type > 2 || entries * dimensions > most) throw broken('has a damaged codebook');
  const smallest = unpackFloat(bits.read(32));
  const step = unpackFloat(bits.read(32));
  const width = bits.read(4) + 1;
  const isSequence = bits.flag();
  const values = type === 1 ? latticeValues(entries, dimensions) : entries * dimensions;
  const multiplicands = Uint32Array.from({ length: values }, () => bits.read(width));
  const vectors = new Float32Array(entries * dimensions);
  for (let entry = 0; entry < entries; entry++) {
    let [last, divisor] = [0, 1];
    for (let i = 0; i < dimensions; i++) {
      const index = type === 1 ? Math.floor(entry / divisor) % values : entry * dimensions + i;
      const value = multiplicands[index]! * step + smallest + last;
      vectors[entry * dimensions + i] = value;
      if (isSequence) last = value;
      divisor *= values;
    }
  }
  return vectors;
}

/** The largest number whose power of `dimensions` is no more than `entries`. */
function latticeValues(entries: number, dimensions: number): number {
  let values = Math.floor(entries ** (1 / dimensions));
  while ((values + 1) ** dimensions <= entries) values++;
  while (values ** dimensions > entries) values--;
  return values;
}

/** Vorbis I, section 9.2.2. */
function unpackFloat(packed: number): number {
  const mantissa = packed & 0x1f_ffff;
  const exponent = (packed >>> 21) & 0x3ff;
  return (packed >>> 31 === 1 ? -mantissa : mantissa) * 2 ** (exponent - 788);
}

/** Codewords of entries: a binary tree, the first bit at its root. */
export class CodeTree {
  /** Two children of each node: another node; the complement of an entry; 0 where there is none. */
  readonly #children: Int32Array;
  /** By the first bits: where they lead, as a child, and how many of them were needed. */
  readonly #quick: Int32Array;
  readonly #quickLengths: Uint8Array;
  #nodes = 1;

  /**
   * Gives each entry the first codeword of its length that is still free (Vorbis I, section 3.2.1).
   *
   * @param lengths bits by entry; 0: it has none.
   * @throws AudioFailure `broken` where there are more than fit.
   */
  constructor(lengths: Uint8Array) {
    const used = lengths.reduce((count, length) => count + (length > 0 ? 1 : 0), 0);
    const total = lengths.reduce((sum, length) => sum + length, 0);
    // Of full trees one less than leaves; others have a branch of its own for each entry at most.
    this.#children = new Int32Array(2 * Math.min(total + 1, 33 * (used + 1)));
    // A lone entry has a codeword of one bit, whatever bit comes.
    if (used === 1) {
      const entry = lengths.findIndex(length => length > 0);
      this.#children.fill(~entry, 0, 2);
    } else this.#assign(lengths);
    this.#quick = new Int32Array(1 << QUICK_BITS);
    this.#quickLengths = new Uint8Array(1 << QUICK_BITS);
    for (let bits = 0; bits < this.#quick.length; bits++) {
      let [node, length] = [0, 0];
      do node = this.#children[2 * node + ((bits >> length++) & 1)]!;
      while (node > 0 && length < QUICK_BITS);
      this.#quick[bits] = node;
      this.#quickLengths[bits] = length;
    }
  }

  /**
   * Reads an entry.
   *
   * @throws EndOfPacket; also where no entry has such a codeword.
   */
  read(bits: PacketBits): number {
    const first = bits.window & ((1 << QUICK_BITS) - 1);
    let node = this.#quick[first]!;
    bits.skip(this.#quickLengths[first]!);
    while (node > 0) node = this.#children[2 * node + bits.read(1)]!;
    if (node === 0) throw broken('has a damaged packet');
    return ~node;
  }

  #assign(lengths: Uint8Array): void {
    // By length: the free codeword that is next, its bits from the highest on. At first, the root is free.
    const free = new Array<number | undefined>(33).fill(undefined);
    free[0] = 0;
    for (let entry = 0; entry < lengths.length; entry++) {
      const length = lengths[entry]!;
      if (length === 0) continue;
      let depth = length;
      while (depth >= 0 && free[depth] === undefined) depth--;
      if (depth < 0) throw broken('has a damaged codebook');
      const codeword = free[depth]!;
      free[depth] = undefined;
      // Each bit that is added leaves the branch of the other one free.
      for (depth++; depth <= length; depth++) free[depth] = codeword + 2 ** (32 - depth);
      this.#add(codeword, length, entry);
    }
  }

  #add(codeword: number, length: number, entry: number): void {
    let node = 0;
    for (let depth = 1; depth < length; depth++) {
      const at = 2 * node + bitOf(codeword, depth);
      if (this.#children[at] === 0) this.#children[at] = this.#nodes++;
      node = this.#children[at]!;
    }
    this.#children[2 * node + bitOf(codeword, length)] = ~entry;
  }
}

/** The bit of a codeword of 32 bits, 1 being its highest one. */
function bitOf(codeword: number, depth: number): number {
  return (codeword >>> (32 - depth)) & 1;
}
