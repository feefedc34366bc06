/**
 * Excludes each token that would complete a sequence of `size` tokens that stands in a text already
 * (`no_repeat_ngram_size`, Paulus et al. 2017).
 *
 * @param logits `[vocabulary]`, changed in place.
 * @param size at least 1.
 * @param text where such sequences are looked for.
 * @param tokens what the token would follow; its latest `size - 1` begin the sequence.
 */
export function banNgrams(
  logits: Float32Array,
  size: number,
  text: readonly number[],
  tokens: readonly number[],
): void {
  const before = size - 1;
  const suffix = tokens.length - before;
  if (suffix < 0) return;
  for (let start = 0; start + before < text.length; start++) {
    let i = 0;
    while (i < before && text[start + i] === tokens[suffix + i]) i++;
    if (i === before) logits[text[start + before]!] = -Infinity;
  }
}
