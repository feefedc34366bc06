import { BinaryReader, WireType } from '@bufbuild/protobuf/wire';
import { CharacterMap } from './character-map.js';

/** How a text is split into pieces: `trainer_spec.model_type`. */
export type ModelKind = 'unigram' | 'bpe' | 'word' | 'char';

/** `ModelProto.SentencePiece.Type`. */
export const PieceType = {
  NORMAL: 1,
  UNKNOWN: 2,
  CONTROL: 3,
  USER_DEFINED: 4,
  UNUSED: 5,
  BYTE: 6,
} as const;

/** How a text is changed before it is split: `normalizer_spec`. */
export interface NormalizerSpec {
  readonly characterMap: CharacterMap | undefined;
  readonly addDummyPrefix: boolean;
  readonly removeExtraWhitespaces: boolean;
  readonly escapeWhitespaces: boolean;
}

/** What a `.spm` or `.model` file of SentencePiece says. Pieces are numbered in its order. */
export interface SentencePieceModel {
  readonly kind: ModelKind;
  readonly pieces: readonly string[];
  /** Log-probabilities (unigram), or the order of merges: larger ones first (BPE). */
  readonly scores: Float32Array;
  /** See {@link PieceType}. */
  readonly types: Uint8Array;
  /** The piece that stands for what no other can. */
  readonly unknownId: number;
  /** Whether a character that is in no piece is spelled as its bytes, of which all 256 are pieces. */
  readonly byteFallback: boolean;
  /** Whether spaces belong to the word before them. */
  readonly whitespaceAsSuffix: boolean;
  readonly normalizer: NormalizerSpec;
}

const KINDS: readonly (ModelKind | undefined)[] = [undefined, 'unigram', 'bpe', 'word', 'char'];

/**
 * Reads a SentencePiece model: a protocol buffer `ModelProto` of sentencepiece_model.proto. What only training
 * needs is passed over.
 *
 * @throws Error where the bytes are no such model, or contradict themselves
 */
export function readModel(bytes: Uint8Array): SentencePieceModel {
  const pieces: Piece[] = [];
  const trainer = { kind: 1, byteFallback: false, whitespaceAsSuffix: false };
  const normalizer = { map: NO_BYTES, prefix: true, remove: true, escape: true };
  const denormalizer = { map: NO_BYTES };
  readMessage(new BinaryReader(bytes), bytes.length, {
    [field(1, WireType.LengthDelimited)]: reader => pieces.push(readPiece(reader)),
    [field(2, WireType.LengthDelimited)]: reader =>
      readSubmessage(reader, {
        [field(3, WireType.Varint)]: reader => (trainer.kind = reader.int32()),
        [field(24, WireType.Varint)]: reader => (trainer.whitespaceAsSuffix = reader.bool()),
        [field(35, WireType.Varint)]: reader => (trainer.byteFallback = reader.bool()),
      }),
    [field(3, WireType.LengthDelimited)]: reader =>
      readSubmessage(reader, {
        [field(2, WireType.LengthDelimited)]: reader => (normalizer.map = reader.bytes()),
        [field(3, WireType.Varint)]: reader => (normalizer.prefix = reader.bool()),
        [field(4, WireType.Varint)]: reader => (normalizer.remove = reader.bool()),
        [field(5, WireType.Varint)]: reader => (normalizer.escape = reader.bool()),
      }),
    [field(5, WireType.LengthDelimited)]: reader =>
      readSubmessage(reader, {
        [field(2, WireType.LengthDelimited)]: reader => (denormalizer.map = reader.bytes()),
      }),
  });
  const { kind, ...flags } = trainer;
  if (pieces.length === 0) throw new Error('it has no pieces');
  if (KINDS[kind] === undefined) throw new Error(`its model_type ${kind} is unknown`);
  // Tokens become text one by one; rules for whole texts would need all of them.
  if (denormalizer.map.length > 0) throw new Error('its denormalizer_spec is not supported');
  return {
    kind: KINDS[kind],
    pieces: pieces.map(({ text }) => text),
    scores: Float32Array.from(pieces, ({ score }) => score),
    types: Uint8Array.from(pieces, ({ type }) => type),
    unknownId: checkPieces(pieces, flags.byteFallback),
    ...flags,
    normalizer: {
      characterMap: normalizer.map.length === 0 ? undefined : new CharacterMap(normalizer.map),
      addDummyPrefix: normalizer.prefix,
      removeExtraWhitespaces: normalizer.remove,
      escapeWhitespaces: normalizer.escape,
    },
  };
}

/** The byte that a piece such as `<0x0A>` stands for; undefined for any other. */
export function byteOf(piece: string): number | undefined {
  const byte = /^<0x([\dA-F]{2})>$/.exec(piece);
  return byte === null ? undefined : parseInt(byte[1]!, 16);
}

const NO_BYTES: Uint8Array = new Uint8Array();

interface Piece {
  text: string;
  score: number;
  type: number;
}

function readPiece(reader: BinaryReader): Piece {
  const piece: Piece = { text: '', score: 0, type: PieceType.NORMAL };
  const end = reader.uint32() + reader.pos;
  while (reader.pos < end) {
    const [number, wire] = reader.tag();
    if (number === 1 && wire === WireType.LengthDelimited) piece.text = reader.string(true);
    else if (number === 2 && wire === WireType.Bit32) piece.score = reader.float();
    else if (number === 3 && wire === WireType.Varint) piece.type = reader.int32();
    else reader.skip(wire, number);
  }
  if (reader.pos !== end) throw new Error('a piece is longer than it says');
  return piece;
}

/** @returns the unknown piece. */
function checkPieces(pieces: readonly Piece[], byteFallback: boolean): number {
  const known = Object.values(PieceType) as number[];
  const [matched, others] = [new Set<string>(), new Set<string>()];
  const bytes = new Set<number>();
  const unknown: number[] = [];
  pieces.forEach(({ text, score, type }, id) => {
    const fail = (fault: (name: string) => string): never => {
      throw new Error(fault(JSON.stringify(text)));
    };
    if (text === '') throw new Error(`its piece ${id} is empty`);
    if (!known.includes(type)) fail(name => `the type ${type} of its piece ${name} is unknown`);
    if (!Number.isFinite(score)) fail(name => `the score of its piece ${name} is no number`);
    // What is matched in texts and what is not may be spelled alike.
    const isMatched =
      type === PieceType.NORMAL || type === PieceType.USER_DEFINED || type === PieceType.UNUSED;
    const alike = isMatched ? matched : others;
    const before = alike.size;
    if (alike.add(text).size === before) fail(name => `it has the piece ${name} twice`);
    if (type === PieceType.UNKNOWN) unknown.push(id);
    if (type !== PieceType.BYTE) return;
    const byte = byteOf(text);
    if (byte === undefined || !byteFallback) fail(name => `its piece ${name} cannot stand for a byte`);
    else bytes.add(byte);
  });
  if (unknown.length !== 1) throw new Error(`it has ${unknown.length} unknown pieces, expected one`);
  if (byteFallback && bytes.size !== 256)
    throw new Error('it has byte_fallback, but not all 256 bytes as pieces');
  return unknown[0]!;
}

type Fields = Readonly<Record<number, (reader: BinaryReader) => unknown>>;

/** The key of a field in {@link Fields}: as in the file, so that a field of another wire type is passed over. */
function field(number: number, wire: WireType): number {
  return (number << 3) | wire;
}

function readSubmessage(reader: BinaryReader, fields: Fields): void {
  const bytes = reader.bytes();
  readMessage(new BinaryReader(bytes), bytes.length, fields);
}

function readMessage(reader: BinaryReader, length: number, fields: Fields): void {
  while (reader.pos < length) {
    const [number, wire] = reader.tag();
    const read = fields[field(number, wire)];
    if (read === undefined) reader.skip(wire, number);
    else read(reader);
  }
}
