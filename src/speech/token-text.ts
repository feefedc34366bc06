import { tokenBytes } from '#text/token-bytes.js';
import type { Tokenizer } from '#text/types.js';

/** Turns ids into text. What is half a character becomes U+FFFD, as in Python's `errors='replace'`. */
export class TokenText {
  readonly #bytes: (id: number) => Uint8Array | undefined;
  readonly #end: number;
  readonly #decoder = new TextDecoder('utf-8', { ignoreBOM: true });

  /** @param end ids from here on have no text. */
  constructor(tokenizer: Tokenizer, end: number) {
    this.#bytes = tokenBytes(tokenizer);
    this.#end = end;
  }

  /** Empty for ids without text. */
  bytes(id: number): Uint8Array {
    return (id < this.#end ? this.#bytes(id) : undefined) ?? new Uint8Array();
  }

  decode(ids: readonly number[]): string {
    return this.#decoder.decode(Buffer.concat(ids.map(id => this.bytes(id))));
  }
}
