/** More would not fit the keys of the table below; the largest vocabularies have some two million. */
const MOST_NODES = 2 ** 23;

/** The first node of every walk. */
export const ROOT = 0;

/** What {@link ByteTrie.step} gives where no string goes on, and {@link ByteTrie.value} where none ends. */
export const NONE = -1;

/**
 * Byte strings and a number for each, found by walking byte by byte, so that all strings at the beginning of
 * a text are found in one pass. The edges are in one hash table (open addressing, linear probing): a quarter
 * of a million strings are in it within a second, and take a few megabytes.
 */
export class ByteTrie {
  #nodes = 1;
  /** Edges by `node * 256 + byte`; {@link NONE} where there is no edge. */
  readonly #keys: Int32Array;
  readonly #children: Int32Array;
  readonly #values: Int32Array;
  readonly #shift: number;

  /**
   * @param strings as bytes, none empty. Of equal ones the last one's value counts.
   * @throws Error where the strings are too long together
   */
  constructor(strings: Iterable<readonly [bytes: Uint8Array, value: number]>) {
    const entries = [...strings];
    const most = entries.reduce((sum, [bytes]) => sum + bytes.length, 1);
    if (most > MOST_NODES) throw new Error(`its pieces have more than ${MOST_NODES} bytes`);
    const bits = Math.max(4, Math.ceil(Math.log2(most * 2)));
    this.#shift = 32 - bits;
    this.#keys = new Int32Array(2 ** bits).fill(NONE);
    this.#children = new Int32Array(2 ** bits);
    this.#values = new Int32Array(most).fill(NONE);
    for (const [bytes, value] of entries) {
      let node = ROOT;
      for (const byte of bytes) node = this.#goOrGrow(node, byte);
      this.#values[node] = value;
    }
  }

  /** The node behind a byte, or {@link NONE}. */
  step(node: number, byte: number): number {
    const key = (node << 8) | byte;
    const place = this.#find(key);
    return this.#keys[place] === key ? this.#children[place]! : NONE;
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
    if (this.#keys[place] !== key) {
      this.#keys[place] = key;
      this.#children[place] = this.#nodes++;
    }
    return this.#children[place]!;
  }

  /** Where an edge is, or may be put. */
  #find(key: number): number {
    const keys = this.#keys;
    const mask = keys.length - 1;
    // Fibonacci hashing: the high bits of the product depend on all bits of the key.
    let place = Math.imul(key, 0x9e3779b1) >>> this.#shift;
    while (keys[place] !== NONE && keys[place] !== key) place = (place + 1) & mask;
    return place;
  }
}
