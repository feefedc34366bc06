import { NONE } from './byte-trie.js';
import { characterEnd } from './normalizer.js';
import { SPACE_SYMBOL } from './space-symbol.js';
import type { PieceTables, Splitter } from './splitter.js';

/** Each character, and each user defined string, is a piece. */
export function characterSplitter({ model, trie, userDefined }: PieceTables): Splitter {
  return text => {
    const ends: number[] = [];
    const ids: number[] = [];
    for (let start = 0; start < text.length; start = ends.at(-1)!) {
      const whole = userDefined?.longest(text, start) ?? 0;
      const end = whole > 0 ? start + whole : characterEnd(text, start);
      const id = trie.get(text, start, end);
      ends.push(end);
      ids.push(id === NONE ? model.unknownId : id);
    }
    return { ends, ids };
  };
}

/** Each word, with the space before it, is a piece. */
export function wordSplitter({ model, trie }: PieceTables): Splitter {
  return text => {
    const ends: number[] = [];
    const ids: number[] = [];
    for (let start = 0; start < text.length; start = ends.at(-1)!) {
      let end = characterEnd(text, start);
      while (end < text.length && !isSpace(text, end)) end = characterEnd(text, end);
      const id = trie.get(text, start, end);
      ends.push(end);
      ids.push(id === NONE ? model.unknownId : id);
    }
    return { ends, ids };
  };
}

function isSpace(text: Uint8Array, at: number): boolean {
  return SPACE_SYMBOL.every((byte, i) => text[at + i] === byte);
}
