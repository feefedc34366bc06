import { TemplateSyntaxError } from './errors.js';

const ESCAPE = /\\(?:([0-7]{1,3})|x([\da-fA-F]{2})|u([\da-fA-F]{4})|U([\da-fA-F]{8})|([^]))/g;

const SIMPLE: Readonly<Record<string, string>> = {
  '\n': '',
  '\\': '\\',
  "'": "'",
  '"': '"',
  a: '\x07',
  b: '\b',
  f: '\f',
  n: '\n',
  r: '\r',
  t: '\t',
  v: '\v',
};

/**
 * The text of a string literal, by Python's rules: an escape that does not exist stays as it is.
 *
 * @param text between the quotes.
 * @throws TemplateSyntaxError for `\x`, `\u`, `\U` without their digits, and for `\N`, whose names of
 * characters are not known here
 */
export function unescapeString(text: string, line: number): string {
  if (!text.includes('\\')) return text;
  return text.replace(ESCAPE, (all, octal?: string, x?: string, u?: string, U?: string, other?: string) => {
    if (octal !== undefined) return String.fromCharCode(Number.parseInt(octal, 8));
    const hex = x ?? u ?? U;
    if (hex !== undefined) {
      const code = Number.parseInt(hex, 16);
      if (code <= 0x10ffff) return String.fromCodePoint(code);
    }
    if (hex !== undefined || /[xuUN]/.test(other!))
      throw new TemplateSyntaxError(`line ${line}: '${all}' is no escape that is known in a string`);
    return SIMPLE[other!] ?? all;
  });
}
