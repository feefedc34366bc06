/** Texts as Python counts them: by characters, of which JavaScript may need two units for one. */

const SURROGATE = /[\ud800-\udfff]/;

/** Number of characters. */
export function lengthOf(text: string): number {
  if (!SURROGATE.test(text)) return text.length;
  let length = 0;
  for (const _ of text) length++;
  return length;
}

/** Characters from `start` to before `end`, both from 0 to the length. */
export function sliceText(text: string, start: number, end: number): string {
  if (!SURROGATE.test(text)) return text.slice(start, end);
  return Array.from(text).slice(start, end).join('');
}

/** Number of characters before a place that JavaScript counts. */
export function characterIndex(text: string, unit: number): number {
  return lengthOf(text.slice(0, unit));
}

/** The characters, each as a text. */
export function characters(text: string): string[] {
  return SURROGATE.test(text) ? Array.from(text) : text.split('');
}

/** Less than 0, 0 or more: the order of two texts by their characters' code points. */
export function compareTexts(a: string, b: string): number {
  if (a === b) return 0;
  if (!SURROGATE.test(a) && !SURROGATE.test(b)) return a < b ? -1 : 1;
  const [left, right] = [Array.from(a), Array.from(b)];
  for (let i = 0; i < left.length && i < right.length; i++) {
    const difference = left[i]!.codePointAt(0)! - right[i]!.codePointAt(0)!;
    if (difference !== 0) return difference;
  }
  return left.length - right.length;
}

/** Number of times that a part, not empty, occurs without overlap. */
export function countOf(text: string, part: string): number {
  let count = 0;
  for (let at = text.indexOf(part); at >= 0; at = text.indexOf(part, at + part.length)) count++;
  return count;
}
