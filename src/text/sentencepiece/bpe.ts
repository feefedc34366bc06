import { NONE } from './byte-trie.js';
import { PieceType } from './model-file.js';
import { characterEnd } from './normalizer.js';
import type { PieceTables, Splitter } from './splitter.js';

/**
 * Byte-pair encoding (Sennrich et al., 2016) as SentencePiece does it: of all neighbours that are a piece
 * together those with the highest score are joined first, the leftmost of several. A queue finds them, so
 * that the time is proportional to the text's length times its logarithm.
 */
export function bytePairSplitter({ model, trie, userDefined }: PieceTables): Splitter {
  const { scores, types, unknownId } = model;
  return text => {
    const symbols = splitCharacters(text, start => userDefined?.longest(text, start) ?? 0);
    const { starts, lengths, previous, next, frozen, count } = symbols;
    const queue = new MergeQueue();
    /** How unused pieces, which may be joined on the way but not be left, came about: length of the left part. */
    const unused = new Map<number, number>();
    const propose = (left: number, right: number): void => {
      if (left === NONE || right === NONE || frozen[left] === 1 || frozen[right] === 1) return;
      const start = starts[left]!;
      const length = lengths[left]! + lengths[right]!;
      const id = trie.get(text, start, start + length);
      if (id === NONE) return;
      queue.push({ score: scores[id]!, left, right, length });
      if (types[id] === PieceType.UNUSED) unused.set(id, lengths[left]!);
    };
    for (let i = 1; i < count; i++) propose(i - 1, i);
    for (let merge = queue.pop(); merge !== undefined; merge = queue.pop()) {
      const { left, right, length } = merge;
      // One of the two was joined with another one meanwhile.
      if (lengths[left] === 0 || lengths[right] === 0 || lengths[left]! + lengths[right]! !== length)
        continue;
      lengths[left] = length;
      lengths[right] = 0;
      next[left] = next[right]!;
      if (next[right] !== NONE) previous[next[right]!] = left;
      propose(previous[left]!, left);
      propose(left, next[left]);
    }
    const ends: number[] = [];
    const ids: number[] = [];
    for (let symbol = count === 0 ? NONE : 0; symbol !== NONE; symbol = next[symbol]!) {
      const rest = [{ start: starts[symbol]!, end: starts[symbol]! + lengths[symbol]! }];
      for (let part = rest.pop(); part !== undefined; part = rest.pop()) {
        const { start, end } = part;
        const id = trie.get(text, start, end);
        const leftLength = types[id] === PieceType.UNUSED ? unused.get(id) : undefined;
        if (leftLength === undefined) {
          ends.push(end);
          ids.push(id === NONE ? unknownId : id);
        } else {
          const middle = start + leftLength;
          rest.push({ start: middle, end }, { start, end: middle });
        }
      }
    }
    return { ends, ids };
  };
}

/** A chain of symbols, each a part of the text. One of length 0 was joined with that before it. */
interface Symbols {
  readonly count: number;
  readonly starts: Int32Array;
  readonly lengths: Int32Array;
  readonly previous: Int32Array;
  readonly next: Int32Array;
  /** 1: never joined with another one. */
  readonly frozen: Uint8Array;
}

function splitCharacters(text: Uint8Array, userDefinedLength: (start: number) => number): Symbols {
  const starts = new Int32Array(text.length);
  const lengths = new Int32Array(text.length);
  const frozen = new Uint8Array(text.length);
  let count = 0;
  for (let at = 0; at < text.length; count++) {
    const whole = userDefinedLength(at);
    starts[count] = at;
    frozen[count] = whole > 0 ? 1 : 0;
    lengths[count] = whole > 0 ? whole : characterEnd(text, at) - at;
    at += lengths[count]!;
  }
  const previous = Int32Array.from({ length: count }, (_, i) => i - 1);
  const next = Int32Array.from({ length: count }, (_, i) => (i + 1 < count ? i + 1 : NONE));
  return { count, starts, lengths, previous, next, frozen };
}

interface Merge {
  readonly score: number;
  readonly left: number;
  readonly right: number;
  /** Of both together, in bytes. */
  readonly length: number;
}

/** The best merge first: a binary heap. */
class MergeQueue {
  readonly #heap: Merge[] = [];

  push(merge: Merge): void {
    const heap = this.#heap;
    let place = heap.length;
    while (place > 0) {
      const parent = (place - 1) >> 1;
      if (!isBefore(merge, heap[parent]!)) break;
      heap[place] = heap[parent]!;
      place = parent;
    }
    heap[place] = merge;
  }

  pop(): Merge | undefined {
    const heap = this.#heap;
    const first = heap[0];
    const last = heap.pop();
    if (heap.length === 0 || last === undefined) return first;
    let place = 0;
    for (let child = 1; child < heap.length; child = 2 * place + 1) {
      if (child + 1 < heap.length && isBefore(heap[child + 1]!, heap[child]!)) child++;
      if (!isBefore(heap[child]!, last)) break;
      heap[place] = heap[child]!;
      place = child;
    }
    heap[place] = last;
    return first;
  }
}

function isBefore(a: Merge, b: Merge): boolean {
  return a.score > b.score || (a.score === b.score && a.left < b.left);
}
