import { NONE, ROOT } from './byte-trie.js';
import { PieceType } from './model-file.js';
import { characterEnd } from './normalizer.js';
import type { PieceTables, Splitter } from './splitter.js';

/** How much worse than the worst piece an unknown character is. */
const UNKNOWN_PENALTY = 10;

/** Sums beyond this lose the digits that tell pieces apart, so that counting begins again. */
const LARGEST_SUM = 100_000;

/**
 * The most probable pieces of a text under a unigram language model (Kudo, 2018, "Subword Regularization"),
 * by Viterbi's algorithm over bytes: of all ways to reach a place only the best is kept, so that the time is
 * proportional to the text's length times that of the longest piece that is found.
 *
 * Scores are added up as SentencePiece 0.2.3 does, in 32-bit floats: ties and near ties would otherwise be
 * decided in another way.
 */
export function unigramSplitter({ model, trie }: PieceTables): Splitter {
  const { scores, types, unknownId } = model;
  const normal = scores.filter((_, id) => types[id] === PieceType.NORMAL);
  const least = normal.reduce((a, b) => Math.min(a, b), LARGEST_FLOAT);
  const unknownScore = Math.fround(least - UNKNOWN_PENALTY);
  return text => {
    const best = new Float32Array(text.length + 1);
    const starts = new Int32Array(text.length + 1).fill(NONE);
    const pieceIds = new Int32Array(text.length + 1);
    let frontier = 0;
    const reach = (start: number, end: number, id: number, score: number): void => {
      frontier = Math.max(frontier, end);
      const sum = Math.fround(score + best[start]!);
      if (starts[end] !== NONE && sum <= best[end]!) return;
      best[end] = sum;
      starts[end] = start;
      pieceIds[end] = id;
    };
    for (let start = 0, next; start < text.length; start = next) {
      next = characterEnd(text, start);
      const sum = best[start]!;
      if (Math.abs(sum) > LARGEST_SUM) for (let at = start; at <= frontier; at++) best[at]! -= sum;
      let isKnown = false;
      for (let node = ROOT, at = start; at < text.length;) {
        node = trie.step(node, text[at++]!);
        if (node === NONE) break;
        const id = trie.value(node);
        if (id === NONE || types[id] === PieceType.UNUSED) continue;
        // User defined strings are better than anything else, long ones better than short ones.
        const isUserDefined = types[id] === PieceType.USER_DEFINED;
        reach(start, at, id, isUserDefined ? Math.fround(0.1 * (at - start - 1)) : scores[id]!);
        if (at === next) isKnown = true;
      }
      if (!isKnown) reach(start, next, unknownId, unknownScore);
    }
    const ends: number[] = [];
    const ids: number[] = [];
    for (let end = text.length; end > 0; end = starts[end]!) {
      ends.push(end);
      ids.push(pieceIds[end]!);
    }
    return { ends: ends.reverse(), ids: ids.reverse() };
  };
}

/** Of 32 bits. */
const LARGEST_FLOAT = (2 - 2 ** -23) * 2 ** 127;
