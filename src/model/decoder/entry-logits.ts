import type { BatchEntry, EntryLogits } from './contract.js';

/**
 * Gives each entry its rows of those that are one after the other.
 *
 * @param blocks of the vocabulary, for maxima.
 */
export function entryLogits(
  entries: readonly BatchEntry[],
  { logits, maxima }: EntryLogits,
  vocabularySize: number,
  blocks: number | undefined,
): EntryLogits[] {
  let row = 0;
  return entries.map(({ ids, wanted }) => {
    const first = row;
    row += wanted === 'all' ? ids.length : wanted === 'last' ? 1 : 0;
    const rows = (of: Float32Array, width: number): Float32Array => of.subarray(first * width, row * width);
    return { logits: rows(logits, vocabularySize), maxima: maxima && rows(maxima, blocks!) };
  });
}

/** The logits of pieces of one entry, one after the other. */
export function joinedLogits(pieces: readonly EntryLogits[]): EntryLogits {
  if (pieces.length === 1) return pieces[0]!;
  const logits = new Float32Array(pieces.reduce((sum, piece) => sum + piece.logits.length, 0));
  let begin = 0;
  for (const piece of pieces) {
    logits.set(piece.logits, begin);
    begin += piece.logits.length;
  }
  return { logits };
}
