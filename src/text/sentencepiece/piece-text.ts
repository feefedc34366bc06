import { byteOf, PieceType, type SentencePieceModel } from './model-file.js';
import { SPACE_CHARACTER } from './space-symbol.js';

// A byte order mark is a character like any other.
const decoder = new TextDecoder('utf-8', { ignoreBOM: true });

/** Puts the text of pieces together. */
export class PieceText {
  readonly #types: Uint8Array;
  readonly #reserved: ReadonlyMap<string, number>;
  #text = '';
  #bytes: number[] = [];
  /** How many spaces at the beginning are none of the text. */
  #unwantedSpaces: number;

  /** @param reserved ids of the pieces that are not text: control, unknown and byte pieces. */
  constructor({ types, normalizer }: SentencePieceModel, reserved: ReadonlyMap<string, number>) {
    this.#types = types;
    this.#reserved = reserved;
    if (normalizer.removeExtraWhitespaces) this.#unwantedSpaces = Infinity;
    else this.#unwantedSpaces = normalizer.addDummyPrefix ? 1 : 0;
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
      return;
    }
    this.#endBytes();
    // One piece loses one space, at most.
    const isUnwanted = this.#text === '' && this.#unwantedSpaces > 0 && piece.startsWith(SPACE_CHARACTER);
    if (isUnwanted) this.#unwantedSpaces--;
    this.#text += (isUnwanted ? piece.slice(1) : piece).replaceAll(SPACE_CHARACTER, ' ');
  }

  /** Adds text as it is. */
  spell(text: string): void {
    this.#endBytes();
    this.#text += text;
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
  }
}
