import type { Tokenizer } from '#text/types.js';

/** Ids 0 to 25 are the letters a to z, 26 is a space, 27 is the special `<end>`. */
export const LETTERS = 'abcdefghijklmnopqrstuvwxyz ';
export const END = 27;

/** A tokenizer whose every token is one letter. */
export const letterTokenizer: Tokenizer = {
  vocabularySize: 28,
  specialIds: new Set([END]),
  maskId: undefined,
  continuationPrefix: undefined,
  encode: text => [...text].map(letter => LETTERS.indexOf(letter)).filter(id => id >= 0),
  encodeWithOffsets: (text, pair = '') => {
    const letters = [...text, ...pair]
      .map((letter, i) => ({ letter, i }))
      .filter(({ letter }) => LETTERS.includes(letter));
    return {
      ids: letters.map(({ letter }) => LETTERS.indexOf(letter)),
      typeIds: letters.map(({ i }) => (i < text.length ? 0 : 1)),
      origins: letters.map(({ i }) =>
        i < text.length
          ? { text: 0, start: i, end: i + 1 }
          : { text: 1, start: i - text.length, end: i - text.length + 1 },
      ),
    };
  },
  decode: (ids, { skipSpecialTokens = true } = {}) =>
    ids.map(id => (id === END ? (skipSpecialTokens ? '' : '<end>') : (LETTERS[id] ?? ''))).join(''),
  token: id => (id === END ? '<end>' : LETTERS[id]),
  id: token => {
    const id = token === '<end>' ? END : LETTERS.indexOf(token);
    return id < 0 ? undefined : id;
  },
};
