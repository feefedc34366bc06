import type { GeneratedToken } from '#engine/types.js';
import { tokenBytes } from '#text/token-bytes.js';
import type { Tokenizer } from '#text/types.js';
import type { SpokenToken } from './types.js';

/** Turns ids into text. What is half a character becomes U+FFFD, as in Python's `errors='replace'`. */
export class TokenText {
  readonly #bytes: (id: number) => Uint8Array | undefined;
  readonly #hasText: (id: number) => boolean;
  readonly #decoder = new TextDecoder('utf-8', { ignoreBOM: true });

  constructor(tokenizer: Tokenizer, hasText: (id: number) => boolean) {
    this.#bytes = tokenBytes(tokenizer);
    this.#hasText = hasText;
  }

  /** Empty for ids without text. */
  bytes(id: number): Uint8Array {
    return (this.#hasText(id) ? this.#bytes(id) : undefined) ?? new Uint8Array();
  }

  /** Tokens that have text, and how probable they were. */
  spoken(tokens: readonly GeneratedToken[]): SpokenToken[] {
    return tokens
      .filter(({ id }) => this.#hasText(id))
      .map(({ id, logprobs }) => ({
        token: this.decode([id]),
        bytes: this.bytes(id),
        logprob: logprobs?.logprob ?? 0,
      }));
  }

  decode(ids: readonly number[]): string {
    return this.#decoder.decode(Buffer.concat(ids.map(id => this.bytes(id))));
  }
}
