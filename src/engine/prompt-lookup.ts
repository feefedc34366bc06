/** Lengths of the endings that are looked for, the most telling first. */
const ENDINGS = [4, 3, 2];

/**
 * Drafts what may come next: what followed the last time that the sequence's ending occurred before
 * (prompt-lookup decoding, Saxena 2023). Summaries, edits and code repeat much of their prompt.
 *
 * @param tokens prompt and output so far.
 * @param count longest draft.
 * @returns the draft, empty where the ending is new.
 */
export function promptLookup(tokens: readonly number[], count: number): number[] {
  for (const length of ENDINGS) {
    const end = tokens.length - length;
    for (let start = end - 1; start >= 0; start--) {
      let matched = 0;
      while (matched < length && tokens[start + matched] === tokens[end + matched]) matched++;
      if (matched === length) return tokens.slice(start + length, start + length + count);
    }
  }
  return [];
}
