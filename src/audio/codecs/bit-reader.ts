import { EndOfFile } from '../failures.js';

/** Reads bits of bytes, from each byte's highest bit on. */
export class BitReader {
  readonly #bytes: Uint8Array;
  readonly #end: number;
  #at: number;

  /** @param begin byte to begin at. */
  constructor(bytes: Uint8Array, begin = 0) {
    this.#bytes = bytes;
    this.#end = bytes.length * 8;
    this.#at = begin * 8;
  }

  /** Bytes up to here, a begun one counted as a whole. */
  get bytesRead(): number {
    return (this.#at + 7) >>> 3;
  }

  /**
   * A number of `count` bits, at most 32.
   *
   * @throws EndOfFile
   */
  read(count: number): number {
    if (count > 24) return this.read(count - 16) * 65_536 + this.read(16);
    const value = count === 0 ? 0 : this.#window() >>> (32 - count);
    this.#at += count;
    if (this.#at > this.#end) throw new EndOfFile();
    return value;
  }

  /** A number of `count` bits in two's complement, at most 33. */
  readSigned(count: number): number {
    const low = count > 1 ? Math.min(count - 1, 32) : 0;
    const sign = this.read(count - low);
    return this.read(low) - sign * 2 ** low;
  }

  /** How many zeros come before the next one, which is taken, too. */
  readUnary(): number {
    for (let zeros = 0; ;) {
      const window = this.#window();
      // Of the window's bits 25 are sure to be read.
      const more = Math.clz32(window);
      if (more < 25) {
        this.#at += more + 1;
        if (this.#at > this.#end) throw new EndOfFile();
        return zeros + more;
      }
      zeros += 25;
      this.#at += 25;
      if (this.#at > this.#end) throw new EndOfFile();
    }
  }

  alignToByte(): void {
    this.#at = this.bytesRead * 8;
  }

  /** The next bits from the highest on; the last seven may be missing, and are zeros behind the end. */
  #window(): number {
    const byte = this.#at >>> 3;
    const bytes = this.#bytes;
    return (
      ((bytes[byte]! << 24) | (bytes[byte + 1]! << 16) | (bytes[byte + 2]! << 8) | bytes[byte + 3]!) <<
      (this.#at & 7)
    );
  }
}
