/** A packet ends where more was to come, which the format allows in its sound (Vorbis I, section 4.3). */
export class EndOfPacket extends Error {
  override readonly name = 'EndOfPacket';
}

/** Reads bits of a packet, from each byte's lowest bit on. */
export class PacketBits {
  readonly #bytes: Uint8Array;
  readonly #end: number;
  #at = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
    this.#end = bytes.length * 8;
  }

  /**
   * A number of `count` bits, at most 32.
   *
   * @throws EndOfPacket
   */
  read(count: number): number {
    if (count > 24) return this.read(16) + this.read(count - 16) * 65_536;
    const value = this.window & ((1 << count) - 1);
    this.skip(count);
    return value;
  }

  flag(): boolean {
    return this.read(1) === 1;
  }

  /** The next bits from the lowest on, at least 25; zeros behind the end. */
  get window(): number {
    const byte = this.#at >>> 3;
    const bytes = this.#bytes;
    return (
      (bytes[byte]! | (bytes[byte + 1]! << 8) | (bytes[byte + 2]! << 16) | (bytes[byte + 3]! << 24)) >>>
      (this.#at & 7)
    );
  }

  /** @throws EndOfPacket */
  skip(count: number): void {
    this.#at += count;
    if (this.#at > this.#end) throw new EndOfPacket();
  }
}

/** Bits that a number takes: the position of its highest one, counted from 1. */
export function bitLength(value: number): number {
  return 32 - Math.clz32(value);
}
