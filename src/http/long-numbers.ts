import { randomUUID } from 'node:crypto';
import { keepDigits } from '#exact-numbers.js';
import { endOfString } from '#json-forms.js';

/** Characters from which on a number may have more digits than a double keeps. */
export const LONG_NUMBER = 16;
/** Most numbers of a text whose digits are kept: what needs them has few. */
const MOST = 10_000;

/** Longer numbers are more than any double. */
const MOST_DIGITS = 400;

const NUMBER = /^-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?$/;
const STRING_OR_LONG = new RegExp(`"|[\\d.eE+-]{${LONG_NUMBER},}`, 'g');

/**
 * Parses JSON in which there are long numbers. The digits that doubles lose are kept, see `exact-numbers.ts`.
 *
 * @throws SyntaxError
 */
export function parseLongNumbers(text: string): unknown {
  // Long numbers stand in for themselves as strings that no one else can have written.
  const mark = randomUUID();
  const pieces: string[] = [];
  let from = 0;
  let count = 0;
  STRING_OR_LONG.lastIndex = 0;
  for (let match = STRING_OR_LONG.exec(text); match !== null; match = STRING_OR_LONG.exec(text)) {
    if (match[0] === '"') {
      STRING_OR_LONG.lastIndex = endOfString(text, match.index) + 1;
      continue;
    }
    const digits = match[0];
    if (isKept(digits) || !NUMBER.test(digits) || ++count > MOST) continue;
    pieces.push(text.slice(from, match.index), `"${mark}${digits}"`);
    from = match.index + digits.length;
  }
  if (pieces.length === 0) return JSON.parse(text);
  const holder = { value: JSON.parse(pieces.join('') + text.slice(from)) as unknown };
  restore(holder, mark);
  return holder.value;
}

/**
 * Whether a double keeps a number. A whole one must be written back alike; a fraction may have as many digits
 * as any double is told by, or all of those that it is.
 */
function isKept(digits: string): boolean {
  const isWhole = /^-?\d+$/.test(digits);
  const significant = significantDigits(digits);
  if (!isWhole && significant <= 17) return true;
  if (digits.length > MOST_DIGITS) return false;
  const number = Number(digits);
  const written = isWhole || significant > 100 ? String(number) : number.toPrecision(significant);
  return canonical(written) === canonical(digits);
}

/** How many digits there are before an exponent, without zeros in front. */
function significantDigits(number: string): number {
  let count = 0;
  for (let i = 0; i < number.length; i++) {
    const code = number.charCodeAt(i);
    if (code > 0x39) break;
    if (code > 0x30 || (code === 0x30 && count > 0)) count++;
  }
  return count;
}

/** The digits that count, and the power of ten. */
function canonical(number: string): string {
  const [mantissa = '', exponent = '0'] = number.toLowerCase().split('e');
  const [whole = '', fraction = ''] = mantissa.replace('-', '').split('.');
  const digits = `${whole}${fraction}`.replace(/^0+/, '');
  const short = digits.replace(/0+$/, '');
  if (short === '') return '0';
  return `${mantissa.startsWith('-')}${short} ${Number(exponent) - fraction.length + digits.length - short.length}`;
}

function restore(root: object, mark: string): void {
  const waiting: object[] = [root];
  for (let container = waiting.pop(); container !== undefined; container = waiting.pop()) {
    const members = container as Record<string, unknown>;
    for (const key of Object.keys(members)) {
      const value = members[key];
      if (typeof value === 'object' && value !== null) waiting.push(value);
      else if (typeof value === 'string' && value.startsWith(mark)) {
        const digits = value.slice(mark.length);
        // Not an assignment, which would mean another thing for `__proto__`.
        const own = { value: Number(digits), writable: true, enumerable: true, configurable: true };
        Object.defineProperty(container, key, own);
        keepDigits(container, key, digits);
      }
    }
  }
}
