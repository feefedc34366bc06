/**
 * The tokens that would complete a sequence of `size` tokens that stands in a text already
 * (`no_repeat_ngram_size`, Paulus et al. 2017).
 *
 * @param size at least 1.
 * @param text where such sequences are looked for.
 * @param tokens what the token would follow; its latest `size - 1` begin the sequence.
 */
export function ngramEnds(size: number, text: readonly number[], tokens: readonly number[]): number[] {
  const before = size - 1;
  const suffix = tokens.length - before;
  const ends: number[] = [];
  if (suffix < 0) return ends;
  for (let start = 0; start + before < text.length; start++) {
    let i = 0;
    while (i < before && text[start + i] === tokens[suffix + i]) i++;
    if (i === before) ends.push(text[start + before]!);
  }
  return ends;
}
