import { strip } from './splitting.js';

const FLOAT = /^[-+]?(?:\d+(?:_\d+)*(?:\.(?:\d+(?:_\d+)*)?)?|\.\d+(?:_\d+)*)(?:e[-+]?\d+(?:_\d+)*)?$/i;
const SPECIAL = /^([-+]?)(?:inf(?:inity)?|(nan))$/i;

/** `float(text)`. @returns undefined where it is no number. */
export function parseFloatText(text: string): number | undefined {
  const trimmed = strip(text, 'both');
  const special = SPECIAL.exec(trimmed);
  if (special !== null) return special[2] !== undefined ? NaN : special[1] === '-' ? -Infinity : Infinity;
  return FLOAT.test(trimmed) ? Number(trimmed.replaceAll('_', '')) : undefined;
}

/** Digits of the longest text that Python reads as a whole number. */
const LONGEST = 4300;
const PREFIXES: Readonly<Record<string, number>> = { b: 2, o: 8, x: 16 };

/**
 * `int(text, base)`.
 *
 * @param base 0 or 2 to 36; 0: as a prefix says.
 * @returns undefined where it is no whole number.
 */
export function parseInteger(text: string, base: number): bigint | undefined {
  const match = /^([-+]?)(?:0([box])_?)?([\da-z]+(?:_[\da-z]+)*)$/i.exec(strip(text, 'both'));
  if (match === null) return undefined;
  const [, sign, letter, body] = match;
  let digits = body!.replaceAll('_', '').toLowerCase();
  const prefixed = letter === undefined ? undefined : PREFIXES[letter.toLowerCase()]!;
  let radix = base;
  if (prefixed !== undefined && (base === 0 || base === prefixed)) radix = prefixed;
  else if (prefixed !== undefined) digits = `0${letter!.toLowerCase()}${digits}`;
  else if (base === 0) {
    if (/^0+[1-9]/.test(digits)) return undefined;
    radix = 10;
  }
  if (digits.length > LONGEST) return undefined;
  let value = 0n;
  for (const digit of digits) {
    const number = Number.parseInt(digit, 36);
    if (number >= radix) return undefined;
    value = value * BigInt(radix) + BigInt(number);
  }
  return sign === '-' ? -value : value;
}
