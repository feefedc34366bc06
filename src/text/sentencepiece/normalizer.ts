import type { ByteTrie } from './byte-trie.js';
import type { NormalizerSpec } from './model-file.js';
import { SPACE_SYMBOL } from './space-symbol.js';

/** A changed text, and where its bytes come from. */
export interface NormalizedText {
  /** UTF-8. */
  readonly bytes: Uint8Array;
  /**
   * Per byte, the bytes `[start, end)` of the original that it stands for; nothing (`start === end`) for a
   * space that was put there.
   */
  readonly starts: Int32Array;
  readonly ends: Int32Array;
}

/** How a text begins where it is not the file that says it. */
export interface Beginning {
  /** Whether a space is put before the text. */
  readonly dummyPrefix: boolean;
  /** Whether one of the spaces that the text begins with stays where {@link NormalizerSpec} removes them all. */
  readonly keepsSpace: boolean;
}

/** Changes a text as SentencePiece does before it is split: by rules for characters, and for white space. */
export class Normalizer {
  readonly #spec: NormalizerSpec;
  readonly #whitespaceAsSuffix: boolean;
  /** Strings that are left as they are; undefined: there are none. */
  readonly #verbatim: ByteTrie | undefined;

  constructor(spec: NormalizerSpec, whitespaceAsSuffix: boolean, verbatim: ByteTrie | undefined) {
    this.#spec = spec;
    this.#whitespaceAsSuffix = whitespaceAsSuffix;
    this.#verbatim = verbatim;
  }

  /** @param text UTF-8. */
  normalize(
    text: Uint8Array,
    { dummyPrefix, keepsSpace }: Beginning = { dummyPrefix: this.#spec.addDummyPrefix, keepsSpace: false },
  ): NormalizedText {
    const { removeExtraWhitespaces, escapeWhitespaces } = this.#spec;
    const space = escapeWhitespaces ? SPACE_SYMBOL : SPACE_BYTES;
    const out = new Output(text.length);
    let at = 0;
    const skipsSpaces = removeExtraWhitespaces && !keepsSpace;
    for (; skipsSpaces && at < text.length;) {
      const { length, bytes } = this.#change(text, at);
      if (bytes.length !== 1 || bytes[0] !== SPACE) break;
      at += length;
    }
    if (at === text.length) return out.finish();
    const withPrefix = dummyPrefix && !this.#whitespaceAsSuffix;
    if (withPrefix) out.put(space, at, at);
    // A space behind this one would be one too many.
    let afterSpace = removeExtraWhitespaces && (withPrefix || !keepsSpace);
    while (at < text.length) {
      const { length, bytes } = this.#change(text, at);
      for (let i = 0; i < bytes.length; i++) {
        const isSpace = bytes[i] === SPACE;
        if (isSpace && afterSpace) continue;
        if (isSpace) out.put(space, at, at + length);
        else out.putByte(bytes[i]!, at, at + length);
        // Within what one rule gives, spaces may follow one another.
        if (!isSpace) afterSpace = false;
      }
      if (bytes.length > 0) afterSpace = removeExtraWhitespaces && bytes.at(-1) === SPACE;
      at += length;
    }
    if (removeExtraWhitespaces) out.trimEnd(space);
    if (dummyPrefix && this.#whitespaceAsSuffix) out.put(space, at, at);
    return out.finish();
  }

  /** What becomes of the characters at a place. */
  #change(text: Uint8Array, at: number): { readonly length: number; readonly bytes: Uint8Array } {
    const verbatim = this.#verbatim?.longest(text, at) ?? 0;
    if (verbatim > 0) return { length: verbatim, bytes: text.subarray(at, at + verbatim) };
    const replaced = this.#spec.characterMap?.match(text, at);
    if (replaced !== undefined) return replaced;
    const bytes = text.subarray(at, characterEnd(text, at));
    return { length: bytes.length, bytes };
  }
}

/**
 * Where the character ends that begins at a place of UTF-8, by its first byte; never behind the text's end,
 * whatever a rule may have put there.
 */
export function characterEnd(text: Uint8Array, start: number): number {
  const first = text[start]!;
  let length = 1;
  if (first >= 0xc0) length = first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4;
  return Math.min(start + length, text.length);
}

const SPACE = 0x20;
const SPACE_BYTES = Uint8Array.of(SPACE);

/** Bytes with their places, in memory that grows. */
class Output {
  #bytes: Uint8Array;
  #starts: Int32Array;
  #ends: Int32Array;
  #length = 0;

  /** @param expected about as many bytes will come. */
  constructor(expected: number) {
    const capacity = expected + (expected >> 1) + 16;
    this.#bytes = new Uint8Array(capacity);
    this.#starts = new Int32Array(capacity);
    this.#ends = new Int32Array(capacity);
  }

  put(bytes: Uint8Array, start: number, end: number): void {
    for (const byte of bytes) this.putByte(byte, start, end);
  }

  putByte(byte: number, start: number, end: number): void {
    if (this.#length === this.#bytes.length) this.#grow();
    this.#bytes[this.#length] = byte;
    this.#starts[this.#length] = start;
    this.#ends[this.#length++] = end;
  }

  trimEnd(suffix: Uint8Array): void {
    const ends = (): boolean =>
      this.#length >= suffix.length &&
      suffix.every((byte, i) => this.#bytes[this.#length - suffix.length + i] === byte);
    while (ends()) this.#length -= suffix.length;
  }

  finish(): NormalizedText {
    return {
      bytes: this.#bytes.subarray(0, this.#length),
      starts: this.#starts.subarray(0, this.#length),
      ends: this.#ends.subarray(0, this.#length),
    };
  }

  #grow(): void {
    const grown = <T extends Uint8Array | Int32Array>(from: T, to: T): T => {
      to.set(from);
      return to;
    };
    const capacity = this.#length * 2;
    this.#bytes = grown(this.#bytes, new Uint8Array(capacity));
    this.#starts = grown(this.#starts, new Int32Array(capacity));
    this.#ends = grown(this.#ends, new Int32Array(capacity));
  }
}
