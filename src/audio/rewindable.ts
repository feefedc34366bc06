/** Bytes that are kept, so that they can be read a second time. */
const MOST_KEPT = 2 ** 20;

/** The bytes of a file, whose beginning can be read again until it is forgotten, or has become long. */
export class Rewindable implements AsyncIterator<Uint8Array> {
  readonly #source: AsyncIterator<Uint8Array>;
  #kept: Uint8Array[] | undefined = [];
  #keptBytes = 0;
  /** Kept pieces that come before those of the source. */
  #again: Uint8Array[] = [];

  constructor(file: AsyncIterable<Uint8Array>) {
    this.#source = file[Symbol.asyncIterator]();
  }

  async next(): Promise<IteratorResult<Uint8Array>> {
    const piece = this.#again.shift();
    if (piece !== undefined) return { done: false, value: piece };
    const result = await this.#source.next();
    if (!result.done && this.#kept !== undefined) {
      this.#kept.push(result.value);
      this.#keptBytes += result.value.length;
      if (this.#keptBytes > MOST_KEPT) this.#kept = undefined;
    }
    return result;
  }

  /** Keeps nothing any more. */
  forget(): void {
    this.#kept = undefined;
  }

  /** @returns whether what was read comes again. */
  rewind(): boolean {
    if (this.#kept === undefined) return false;
    this.#again = this.#kept;
    this.#kept = undefined;
    return true;
  }

  /** Leaves the file; a piece that is waited for is not. */
  close(): void {
    this.forget();
    this.#source.return?.().catch(() => undefined);
  }
}
