/** What a {@link CharacterMap} makes of the beginning of a text. */
export interface Replacement {
  /** Bytes of the text that are replaced. */
  readonly length: number;
  /** The bytes that stand for them, in the map's own memory; may be empty. */
  readonly bytes: Uint8Array;
}

/**
 * SentencePiece's `precompiled_charsmap`: rules from strings to strings, such as NFKC's. It holds, with little
 * endian numbers, the length of a trie in bytes, the trie as a double array of 32-bit units, and the
 * replacements, each ended by a zero byte; the trie's values are the places where they begin.
 *
 * A unit of the double array (Aoe's, in the layout of Darts-clone) has the label of the byte that leads to it
 * in its low 8 bits, whether a value hangs below it in bit 8, and the exclusive-or distance to its children
 * in bits 10 on, times 256 where bit 9 is set. A value has bit 31 set.
 */
export class CharacterMap {
  readonly #units: Uint32Array;
  readonly #replacements: Uint8Array;
  /** Length in bytes of the longest replacement. */
  readonly longestReplacement: number;

  /** @throws Error where the bytes are no such map */
  constructor(bytes: Uint8Array) {
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    const trieBytes = bytes.length < 4 ? 0 : view.getUint32(0, true);
    if (trieBytes < 1024 || trieBytes % 1024 !== 0 || 4 + trieBytes >= bytes.length || bytes.at(-1) !== 0)
      throw new Error('its precompiled_charsmap is broken');
    this.#units = Uint32Array.from({ length: trieBytes / 4 }, (_, i) => view.getUint32(4 + 4 * i, true));
    this.#replacements = bytes.subarray(4 + trieBytes);
    let start = 0;
    let longest = 0;
    this.#replacements.forEach((byte, at) => {
      if (byte !== 0) return;
      longest = Math.max(longest, at - start);
      start = at + 1;
    });
    this.longestReplacement = longest;
  }

  /**
   * The rule for the longest string, or the shortest, that the bytes from `start` on begin with; undefined where
   * there is none.
   */
  match(
    bytes: Uint8Array,
    start: number,
    which: 'longest' | 'shortest' = 'longest',
  ): Replacement | undefined {
    const units = this.#units;
    let length = 0;
    let value = 0;
    let node = offsetOf(units[0]!);
    for (let at = start; at < bytes.length; at++) {
      const byte = bytes[at]!;
      node ^= byte;
      // Bit 31 belongs to the label: values have none that a byte could match.
      const unit = units[node];
      if (unit === undefined || (unit & 0x800000ff) !== byte) break;
      node ^= offsetOf(unit);
      if ((unit & 0x100) !== 0 && node < units.length) {
        length = at + 1 - start;
        value = units[node]! & 0x7fffffff;
        if (which === 'shortest') break;
      }
    }
    if (length === 0 || value >= this.#replacements.length) return undefined;
    return { length, bytes: this.#replacements.subarray(value, this.#replacements.indexOf(0, value)) };
  }
}

function offsetOf(unit: number): number {
  return (unit >>> 10) << ((unit & 0x200) >>> 6);
}
