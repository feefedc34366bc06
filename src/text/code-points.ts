/**
 * Converts offsets for other languages. JavaScript counts UTF-16 units, of which a character beyond U+FFFF
 * has two; Python, Rust's `chars` and most clients of an HTTP service count characters (code points).
 *
 * @returns turns a UTF-16 offset into the text, from 0 to its length, into the number of code points before
 * it.
 */
export function codePointOffsets(text: string): (offset: number) => number {
  const pairs: number[] = [];
  for (let i = 0; i < text.length - 1; i++) if (text.codePointAt(i)! > 0xffff) pairs.push(i++);
  if (pairs.length === 0) return offset => offset;
  return offset => offset - countBelow(pairs, offset);
}

/** Counts the numbers of an ascending list that are less than a limit. */
function countBelow(numbers: readonly number[], limit: number): number {
  let low = 0;
  let high = numbers.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (numbers[middle]! < limit) low = middle + 1;
    else high = middle;
  }
  return low;
}
