import type { Steering } from '#structured/index.js';

const QUOTE = 0x22;
const BACKSLASH = 0x5c;

/** JSON's white space. */
const SPACE: ReadonlySet<number> = new Set([0x20, 0x09, 0x0a, 0x0d]);

/**
 * Whether a list of calls, or the arguments of one, that was led to an end in time is as the model would have
 * written it: it wanted nothing but more white space between values, or further calls.
 *
 * @param text JSON that is whole.
 * @param steerings in the order of their places.
 */
export function areAsWanted(text: string, steerings: readonly Steering[]): boolean {
  const bytes = Buffer.from(text);
  let read = 0;
  let inString = false;
  return steerings.every(({ at, wanted }) => {
    // What was written may begin as the token that was wanted.
    let same = 0;
    while (same < wanted.length && wanted[same] === bytes[at + same]) same++;
    for (; read < at + same; read++) {
      if (inString && bytes[read] === BACKSLASH) read++;
      else if (bytes[read] === QUOTE) inString = !inString;
    }
    if (inString) return false;
    const isLayout = wanted.slice(same).every(byte => SPACE.has(byte));
    return isLayout || /^\s*\]\s*$/.test(bytes.subarray(at + same).toString());
  });
}
