import { byteOf, PieceType, type SentencePieceModel } from './model-file.js';
import { SPACE_CHARACTER } from './space-symbol.js';

// A byte order mark is a character like any other.
const decoder = new TextDecoder('utf-8', { ignoreBOM: true });

/**
 * Puts the text of pieces together. Where SentencePiece removes all spaces that a text begins with, one is
 * removed: of a part of a text, of which nobody knows that it is one, the others are wanted.
 */
export class PieceText {
  readonly #types: Uint8Array;
  readonly #reserved: ReadonlyMap<string, number>;
  #text = '';
  /** Whether nothing was added yet, not even a space that is none of the text. */
  #isEmpty = true;
  #bytes: number[] = [];
  /** Whether a space at the beginning is none of the text. */
  readonly #hasPrefix: boolean;

  /** @param reserved ids of the pieces that are not text: control, unknown and byte pieces. */
  constructor({ types, normalizer }: SentencePieceModel, reserved: ReadonlyMap<string, number>) {
    this.#types = types;
    this.#reserved = reserved;
    this.#hasPrefix = normalizer.addDummyPrefix || normalizer.removeExtraWhitespaces;
  }

  /**
   * Adds a piece by its spelling: a byte, or characters in which spaces are spelled as {@link
   * SPACE_CHARACTER}. Control pieces have no text, the unknown piece is spelled as it is.
   */
  add(piece: string): void {
    const reserved = this.#reserved.get(piece);
    if (reserved !== undefined) {
      const type = this.#types[reserved];
      if (type === PieceType.BYTE) this.#bytes.push(byteOf(piece)!);
      else if (type === PieceType.UNKNOWN) this.spell(piece);
      else this.#endBytes();
      return;
    }
    this.#endBytes();
    const isPrefixed = this.#isEmpty && this.#hasPrefix && piece.startsWith(SPACE_CHARACTER);
    this.#text += (isPrefixed ? piece.slice(1) : piece).replaceAll(SPACE_CHARACTER, ' ');
    this.#isEmpty = false;
  }

  /** Adds text as it is. */
  spell(text: string): void {
    this.#endBytes();
    this.#text += text;
    this.#isEmpty = false;
  }

  finish(): string {
    this.#endBytes();
    return this.#text;
  }

  #endBytes(): void {
    if (this.#bytes.length === 0) return;
    // What is no character becomes one replacement character, so that an unfinished one can be told.
    this.#text += decoder.decode(Uint8Array.from(this.#bytes));
    this.#bytes = [];
    this.#isEmpty = false;
  }
}
