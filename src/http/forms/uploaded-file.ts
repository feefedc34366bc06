/** A file of a form: its bytes, as they came. They can be read once, and are let go of as they are read. */
export class UploadedFile implements AsyncIterable<Uint8Array> {
  readonly #chunks: Uint8Array[];
  /** Bytes. */
  readonly size: number;

  /** @param chunks which the file takes over. */
  constructor(chunks: Uint8Array[]) {
    this.#chunks = chunks.reverse();
    this.size = chunks.reduce((sum, { length }) => sum + length, 0);
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Uint8Array> {
    for (let chunk = this.#chunks.pop(); chunk !== undefined; chunk = this.#chunks.pop()) yield chunk;
  }
}
