import { EndOfFile } from './failures.js';

/** The bytes of a file that comes in pieces; nothing waits for a piece while what is asked for is there. */
export class ByteReader {
  readonly #pull: () => Promise<Uint8Array | undefined>;
  /** What was read and not taken: `#bytes` from `#begin` to `#end`. */
  #bytes = new Uint8Array(65_536);
  #begin = 0;
  #end = 0;
  #isOver = false;

  /** @param pull the next piece, which is copied; undefined at the end. */
  constructor(pull: () => Promise<Uint8Array | undefined>) {
    this.#pull = pull;
  }

  /** The bytes that are there, valid until the next call. */
  get there(): Uint8Array {
    return this.#bytes.subarray(this.#begin, this.#end);
  }

  /** Whether the last byte is there, or was. */
  get isOver(): boolean {
    return this.#isOver;
  }

  /**
   * Waits until `count` bytes are there, or the file's end.
   *
   * @returns whether they are there.
   */
  async has(count: number): Promise<boolean> {
    while (this.#end - this.#begin < count && !this.#isOver) {
      const piece = await this.#pull();
      if (piece === undefined) this.#isOver = true;
      else this.#append(piece, count);
    }
    return this.#end - this.#begin >= count;
  }

  /**
   * The next `count` bytes, which stay.
   *
   * @throws EndOfFile
   */
  async peek(count: number): Promise<Uint8Array> {
    if (this.#end - this.#begin < count && !(await this.has(count))) throw new EndOfFile();
    return this.#bytes.subarray(this.#begin, this.#begin + count);
  }

  /**
   * Takes the next `count` bytes, valid until the next call.
   *
   * @throws EndOfFile
   */
  async take(count: number): Promise<Uint8Array> {
    const bytes = await this.peek(count);
    this.#begin += count;
    return bytes;
  }

  /** Takes what is there, or comes next: at most `most` bytes, none at the file's end only. */
  async takeSome(most: number): Promise<Uint8Array> {
    await this.has(1);
    const bytes = this.there.subarray(0, most);
    this.#begin += bytes.length;
    return bytes;
  }

  /**
   * Passes over bytes without keeping them.
   *
   * @throws EndOfFile
   */
  async skip(count: number): Promise<void> {
    for (let left = count; left > 0;) {
      const { length } = await this.takeSome(left);
      if (length === 0) throw new EndOfFile();
      left -= length;
    }
  }

  #append(piece: Uint8Array, wanted: number): void {
    const length = this.#end - this.#begin;
    if (this.#end + piece.length > this.#bytes.length) {
      const room = length + piece.length;
      const bytes = room <= this.#bytes.length ? this.#bytes : new Uint8Array(Math.max(wanted, 2 * room));
      bytes.set(this.there);
      this.#bytes = bytes;
      this.#begin = 0;
      this.#end = length;
    }
    this.#bytes.set(piece, this.#end);
    this.#end += piece.length;
  }
}
