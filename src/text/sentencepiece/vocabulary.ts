import type { SentencePieceProcessor, TextPiece } from './processor.js';

/** More tokens than this are no vocabulary: the largest have some three hundred thousand. */
const MOST_TOKENS = 2 ** 24;

/** How the pieces of SentencePiece models are numbered as a model knows them, added tokens aside. */
export interface PieceVocabulary {
  /** One more than the highest id. */
  readonly size: number;
  pieceId(piece: TextPiece): number;
  /** The spelling of an id. */
  token(id: number): string | undefined;
  id(token: string): number | undefined;
}

/**
 * The file's own numbers plus a number.
 *
 * @param unknownId what is unknown.
 */
export function shiftedVocabulary(
  processor: SentencePieceProcessor,
  shift: number,
  unknownId: number,
): PieceVocabulary {
  const { pieces, unknownId: unknownPiece } = processor.model;
  return {
    size: pieces.length + shift,
    pieceId: ({ id }) => (id === unknownPiece ? unknownId : id + shift),
    token: id => pieces[id - shift],
    id: token => {
      const id = processor.id(token);
      if (id === undefined) return undefined;
      return id === unknownPiece ? unknownId : id + shift;
    },
  };
}

/**
 * The numbers of a `vocab.json`, which joins the pieces of several models: a piece is looked up by its
 * spelling, even one that is unknown to the model that split the text.
 *
 * @throws Error where it is not made of ids, or has not the unknown token
 */
export function listedVocabulary(
  processor: SentencePieceProcessor,
  listed: Readonly<Record<string, unknown>>,
  unknownToken: string,
): PieceVocabulary {
  const ids = new Map<string, number>();
  const tokens = new Map<number, string>();
  for (const [token, id] of Object.entries(listed)) {
    if (typeof id !== 'number' || !Number.isInteger(id) || id < 0 || id >= MOST_TOKENS)
      throw new Error(`the id of ${JSON.stringify(token)} is none`);
    ids.set(token, id);
    tokens.set(id, token);
  }
  const unknownId = ids.get(unknownToken);
  if (unknownId === undefined) throw new Error(`it has no token ${JSON.stringify(unknownToken)}`);
  const { pieces } = processor.model;
  return {
    size: [...tokens.keys()].reduce((most, id) => Math.max(most, id + 1), 0),
    pieceId: ({ id, unknown = pieces[id]! }) => ids.get(unknown) ?? unknownId,
    token: id => tokens.get(id),
    id: token => ids.get(token),
  };
}
