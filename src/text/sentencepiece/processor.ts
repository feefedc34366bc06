import type { Span } from '../types.js';
import { bytePairSplitter } from './bpe.js';
import { ByteTrie, NONE } from './byte-trie.js';
import { byteOf, PieceType, type ModelKind, type SentencePieceModel } from './model-file.js';
import { Normalizer, type Beginning } from './normalizer.js';
import { PieceText } from './piece-text.js';
import type { PieceTables, Splitter } from './splitter.js';
import { unigramSplitter } from './unigram.js';
import { characterSplitter, wordSplitter } from './words.js';

/** A piece of a text, and the UTF-16 units of it that it stands for; none for a space that was put there. */
export interface TextPiece extends Span {
  /** In the model's own order. */
  readonly id: number;
  /** What is unknown, spelled out; undefined for a piece of the model. */
  readonly unknown?: string;
}

/** Longer pieces than this in bytes, one of which may be the beginning of another, take long to tell apart. */
const LONGEST_HARMLESS_PIECE = 256;
/** Rules for characters may make a text so many times longer, at most. */
const LONGEST_HARMLESS_REPLACEMENT = 64;

const SPLITTERS: Readonly<Record<ModelKind, (tables: PieceTables) => Splitter>> = {
  unigram: unigramSplitter,
  bpe: bytePairSplitter,
  word: wordSplitter,
  char: characterSplitter,
};

const encoder = new TextEncoder();
// A byte order mark is a character like any other.
const decoder = new TextDecoder('utf-8', { ignoreBOM: true });

/** Texts to pieces and back, as Google's SentencePiece does it (Kudo and Richardson, 2018). */
export class SentencePieceProcessor {
  readonly model: SentencePieceModel;
  /** Whether the model's rules may take for ever on a short text, or make a long one of it. */
  readonly mayExplode: boolean;
  readonly #normalizer: Normalizer;
  readonly #split: Splitter;
  readonly #trie: ByteTrie;
  /** The ids of pieces that no text is split into (control, unknown, bytes), by their spelling. */
  readonly #reserved = new Map<string, number>();
  /** The piece for each byte, where the model has byte pieces. */
  readonly #byteIds = new Map<number, number>();

  /** @throws Error where the pieces are too many */
  constructor(model: SentencePieceModel) {
    this.model = model;
    const { types, normalizer } = model;
    const [matched, userDefined]: [number[], number[]] = [[], []];
    model.pieces.forEach((piece, id) => {
      const type = types[id];
      if (type === PieceType.NORMAL || type === PieceType.UNUSED || type === PieceType.USER_DEFINED) {
        matched.push(id);
        if (type === PieceType.USER_DEFINED) userDefined.push(id);
      } else {
        this.#reserved.set(piece, id);
        if (type === PieceType.BYTE) this.#byteIds.set(byteOf(piece)!, id);
      }
    });
    const trieOf = (ids: readonly number[]): ByteTrie =>
      new ByteTrie(
        ids.map(id => model.pieces[id]!),
        ids,
      );
    this.#trie = trieOf(matched);
    this.mayExplode =
      this.#trie.longestText > LONGEST_HARMLESS_PIECE ||
      (normalizer.characterMap?.longestReplacement ?? 0) > LONGEST_HARMLESS_REPLACEMENT;
    const tables: PieceTables = {
      model,
      trie: this.#trie,
      userDefined: userDefined.length === 0 ? undefined : trieOf(userDefined),
    };
    this.#normalizer = new Normalizer(normalizer, model.whitespaceAsSuffix, tables.userDefined);
    this.#split = SPLITTERS[model.kind](tables);
  }

  /** The id of a piece by its spelling; undefined where there is none. */
  id(piece: string): number | undefined {
    const reserved = this.#reserved.get(piece);
    if (reserved !== undefined) return reserved;
    const id = this.#trie.get(encoder.encode(piece));
    return id === NONE ? undefined : id;
  }

  /**
   * @param beginning where it is not as the model says.
   * @returns pieces in the order of the text. Spans never cut a character and never go back.
   */
  encode(text: string, beginning?: Beginning): TextPiece[] {
    const input = encoder.encode(text);
    const { bytes, starts, ends } = this.#normalizer.normalize(input, beginning);
    const unitAt = utf16Offsets(text, input);
    const split = this.#split(bytes);
    const pieces: TextPiece[] = [];
    let unknown: { from: number; to: number } | undefined;
    const endUnknown = (): void => {
      if (unknown === undefined) return;
      const { from, to } = unknown;
      const span = { start: unitAt(starts[from]!), end: unitAt(ends[to - 1]!) };
      pieces.push({ id: this.model.unknownId, unknown: decoder.decode(bytes.subarray(from, to)), ...span });
      unknown = undefined;
    };
    let from = 0;
    split.ids.forEach((id, i) => {
      const to = split.ends[i]!;
      if (id === this.model.unknownId && !this.model.byteFallback) {
        // One piece stands for a run of them.
        unknown = { from: unknown?.from ?? from, to };
      } else {
        endUnknown();
        const span = { start: unitAt(starts[from]!), end: unitAt(ends[to - 1]!) };
        if (id !== this.model.unknownId) pieces.push({ id, ...span });
        else
          for (const byte of bytes.subarray(from, to)) pieces.push({ id: this.#byteIds.get(byte)!, ...span });
      }
      from = to;
    });
    endUnknown();
    return pieces;
  }

  /** A text to be put together of pieces. */
  startText(): PieceText {
    return new PieceText(this.model, this.#reserved);
  }
}

/** Turns offsets in UTF-8 into offsets in UTF-16. */
function utf16Offsets(text: string, bytes: Uint8Array): (byte: number) => number {
  if (bytes.length === text.length) return byte => byte;
  const units = new Int32Array(bytes.length + 1);
  let end = 0;
  for (let at = 0, start = 0; at < bytes.length; at++) {
    const byte = bytes[at]!;
    if ((byte & 0xc0) !== 0x80) {
      start = end;
      end += byte >= 0xf0 ? 2 : 1;
    }
    // A rule that ends within a character ends before it.
    units[at] = start;
  }
  units[bytes.length] = end;
  return byte => units[byte]!;
}
