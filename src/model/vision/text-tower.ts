/**
 * A text as long as a tower takes it: what is too much goes, but for the last token, which ends every text
 * (`truncation=True` of CLIP's and SigLIP's tokenizers).
 *
 * @param ids with special tokens.
 * @param longest tokens, at least 1.
 */
export function cutText(ids: readonly number[], longest: number): readonly number[] {
  return ids.length <= longest ? ids : [...ids.slice(0, longest - 1), ids.at(-1)!];
}
