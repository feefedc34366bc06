import type { Encoding, Span, Tokenizer } from './types.js';

/**
 * The words of a text, each as the positions of its tokens in the encoding. WordPiece marks the tokens that
 * continue a word; other vocabularies do not know words, so there a word is what stands between white space.
 * Tokens that stand for nothing but white space are in no word.
 *
 * @param which of an encoded pair, `text` is the second where this is 1.
 */
export function wordsOf(
  tokenizer: Tokenizer,
  text: string,
  encoding: Encoding,
  which: 0 | 1 = 0,
): number[][] {
  const words: number[][] = [];
  let previous: Span | undefined;
  encoding.origins.forEach((origin, position) => {
    if (origin?.text !== which || text.slice(origin.start, origin.end).trim() === '') return;
    const id = encoding.ids[position]!;
    if (previous !== undefined && continuesWord(tokenizer, text, id, origin, previous))
      words.at(-1)!.push(position);
    else words.push([position]);
    previous = origin;
  });
  return words;
}

function continuesWord(tokenizer: Tokenizer, text: string, id: number, span: Span, previous: Span): boolean {
  const { continuationPrefix } = tokenizer;
  // Parts of one character.
  if (span.start < previous.end) return true;
  if (continuationPrefix !== undefined) return tokenizer.token(id)?.startsWith(continuationPrefix) ?? false;
  return !/\s/.test(text[span.start - 1]!);
}
