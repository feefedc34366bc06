/** White space as Python's `str.isspace` and `\s` have it, as a class of a regular expression. */
export const SPACES =
  '[\\t-\\r\\x1c-\\x20\\x85\\xa0\\u1680\\u2000-\\u200a\\u2028\\u2029\\u202f\\u205f\\u3000]';

const ANY = new RegExp(SPACES);

/** Whether a character is white space to Python. */
export function isSpace(character: string): boolean {
  const code = character.charCodeAt(0);
  if (code < 0x80) return code === 0x20 || (code >= 9 && code <= 13) || (code >= 0x1c && code <= 0x1f);
  return ANY.test(character);
}
