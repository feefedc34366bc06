/** Longest text that is ended. */
const MAX_LENGTH = 1_000_000;

/**
 * Ways to end the text of a JSON object or list that broke off.
 *
 * @returns texts that may be JSON, at most two: in the first the last value is closed where it ends, in the
 * second it is left out.
 */
export function endings(text: string): string[] {
  if (text.length > MAX_LENGTH) return [];
  const open: string[] = [];
  /** Where the brackets that are open could be closed. */
  let safe = 0;
  let inString = false;
  let escape = 0;
  for (let at = 0; at < text.length; at++) {
    const character = text[at]!;
    if (inString) {
      if (character === '\\') escape = at++;
      else if (character === '"') inString = false;
      continue;
    }
    switch (character) {
      case '"':
        inString = true;
        break;
      case '{':
      case '[':
        open.push(character === '{' ? '}' : ']');
        safe = at + 1;
        break;
      case ',':
        safe = at;
        break;
      case '}':
      case ']':
        if (open.pop() !== character) return [];
        safe = at + 1;
        break;
      default:
    }
  }
  if (open.length === 0) return [];
  const brackets = open.reverse().join('');
  // Half an escape cannot be closed.
  const end = inString && /^\\(?:u[\da-fA-F]{0,3})?$/.test(text.slice(escape)) ? escape : text.length;
  return [`${text.slice(0, end)}${inString ? '"' : ''}${brackets}`, text.slice(0, safe) + brackets];
}
