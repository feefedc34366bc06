/** More would not fit the keys of the table below; the largest vocabularies have some two million. */
const MOST_NODES = 2 ** 23;

/** The first node of every walk. */
export const ROOT = 0;

/** What {@link ByteTrie.step} gives where no string goes on, and {@link ByteTrie.value} where none ends. */
export const NONE = -1;

/** Places of the table for each edge that there may be. */
const ROOM = 1.25;

const encoder = new TextEncoder();

/**
 * Texts as UTF-8 and a number for each, found by walking byte by byte, so that all of them at the beginning of
 * a text are found in one pass. The edges are in one hash table (open addressing, linear probing): a quarter
 * of a million texts are in it within a fraction of a second, and take a few megabytes.
 */
export class ByteTrie {
  /** Length in bytes of the longest text. */
  readonly longestText: number;
  #nodes = 1;
  /** Edges by `node * 256 + byte`, each before the node that it leads to; {@link NONE} where there is no edge. */
  readonly #edges: Int32Array;
  readonly #values: Int32Array;
  readonly #shift: number;

  /**
   * @param texts none empty. Of equal ones the last one's value counts.
   * @param values one for each text, at least 0.
   * @throws Error where the texts are too long together
   */
  constructor(texts: readonly string[], values: readonly number[]) {
    const lengths = texts.map(text => Buffer.byteLength(text));
    const most = lengths.reduce((sum, length) => sum + length, 1);
    if (most > MOST_NODES) throw new Error(`its pieces have more than ${MOST_NODES} bytes`);
    this.longestText = lengths.reduce((longest, length) => Math.max(longest, length), 0);
    const bits = Math.max(4, Math.ceil(Math.log2(most * ROOM)));
    this.#shift = 32 - bits;
    this.#edges = new Int32Array(2 * 2 ** bits).fill(NONE);
    this.#values = new Int32Array(most).fill(NONE);
    const bytes = new Uint8Array(this.longestText);
    texts.forEach((text, i) => {
      encoder.encodeInto(text, bytes);
      let node = ROOT;
      for (let at = 0; at < lengths[i]!; at++) node = this.#goOrGrow(node, bytes[at]!);
      this.#values[node] = values[i]!;
    });
  }

  /** The node behind a byte, or {@link NONE}. */
  step(node: number, byte: number): number {
    const key = (node << 8) | byte;
    const place = this.#find(key);
    return this.#edges[place] === key ? this.#edges[place + 1]! : NONE;
  }

  /** The value of the string that ends at a node, or {@link NONE}. */
  value(node: number): number {
    return this.#values[node]!;
  }

  /** The value of a whole string, or {@link NONE}. */
  get(bytes: Uint8Array, start = 0, end = bytes.length): number {
    let node = ROOT;
    for (let at = start; at < end && node !== NONE; at++) node = this.step(node, bytes[at]!);
    return node === NONE ? NONE : this.value(node);
  }

  /** Length in bytes of the longest string that the bytes from `start` on begin with; 0 for none. */
  longest(bytes: Uint8Array, start: number): number {
    let longest = 0;
    for (let node = ROOT, at = start; at < bytes.length;) {
      node = this.step(node, bytes[at++]!);
      if (node === NONE) break;
      if (this.value(node) !== NONE) longest = at - start;
    }
    return longest;
  }

  #goOrGrow(node: number, byte: number): number {
    const key = (node << 8) | byte;
    const place = this.#find(key);
    if (this.#edges[place] !== key) {
      this.#edges[place] = key;
      this.#edges[place + 1] = this.#nodes++;
    }
    return this.#edges[place + 1]!;
  }

  /** Where an edge is, or may be put. */
  #find(key: number): number {
    const edges = this.#edges;
    const mask = edges.length - 1;
    // Fibonacci hashing: the high bits of the product depend on all bits of the key.
    let place = 2 * (Math.imul(key, 0x9e3779b1) >>> this.#shift);
    while (edges[place] !== NONE && edges[place] !== key) place = (place + 2) & mask;
    return place;
  }
}
