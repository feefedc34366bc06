import { fixed, significant } from './decimal.js';
import { exponentText, floatText, integerText } from './print.js';

/** A number as text, its sign apart. */
export interface Digits {
  readonly negative: boolean;
  /** `0x` and the like, or empty. */
  readonly prefix: string;
  /** All up to the point or the exponent. */
  readonly whole: string;
  /** The point, what is behind it, the exponent. */
  readonly rest: string;
}

/** How a float is written: `e`, `f`, `g`, `%` as in C, `E`, `F`, `G` in capitals, `r` as Python prints it. */
export type FloatStyle = 'e' | 'E' | 'f' | 'F' | 'g' | 'G' | '%' | 'r';

/**
 * A float as `format` writes it.
 *
 * @param precision 0 or more; undefined: the style's own.
 * @param alternate whether a point stays without digits behind it, and zeros behind digits.
 */
export function floatDigits(
  value: number,
  style: FloatStyle,
  precision: number | undefined,
  alternate: boolean,
): Digits {
  const negative = value < 0 || Object.is(value, -0);
  const size = Math.abs(value);
  const upper = style === 'E' || style === 'F' || style === 'G';
  const cased = (text: string): string => (upper ? text.toUpperCase() : text);
  if (!Number.isFinite(size))
    return { negative, prefix: '', whole: cased(floatText(size)), rest: style === '%' ? '%' : '' };
  const parts = (text: string): Digits => {
    const at = text.search(/[.e%]/i);
    const [whole, rest] = at < 0 ? [text, ''] : [text.slice(0, at), text.slice(at)];
    const point = alternate && !rest.startsWith('.') ? '.' : '';
    return { negative, prefix: '', whole: cased(whole), rest: cased(point + rest) };
  };
  switch (style) {
    case 'r':
      return parts(precision === undefined ? floatText(size) : general(size, precision, alternate, true));
    case 'f':
    case 'F':
      return parts(fixed(size, precision ?? 6));
    case '%':
      return parts(`${fixed(size * 100, precision ?? 6)}%`);
    case 'e':
    case 'E':
      return parts(scientific(size, (precision ?? 6) + 1));
    case 'g':
    case 'G':
      return parts(general(size, precision ?? 6, alternate, false));
  }
}

function scientific(size: number, count: number): string {
  if (size === 0) return `0${count > 1 ? `.${'0'.repeat(count - 1)}` : ''}e+00`;
  const { digits, exponent } = significant(size, count);
  return `${digits[0]!}${count > 1 ? `.${digits.slice(1)}` : ''}e${exponentText(exponent)}`;
}

/**
 * Scientific where the exponent is small or large, else fixed.
 *
 * @param point whether a whole number ends with `.0`, as Python prints it.
 */
function general(size: number, precision: number, alternate: boolean, point: boolean): string {
  const count = Math.max(1, precision);
  const { digits, exponent } =
    size === 0 ? { digits: '0'.repeat(count), exponent: 0 } : significant(size, count);
  const trimmed = alternate ? digits : digits.replace(/0+$/, '') || '0';
  if (exponent < -4 || exponent >= (point ? count - 1 : count)) {
    const fraction = trimmed.slice(1);
    return `${trimmed[0]!}${fraction === '' ? '' : `.${fraction}`}e${exponentText(exponent)}`;
  }
  if (exponent < 0) return `0.${'0'.repeat(-exponent - 1)}${trimmed}`;
  const whole = trimmed.slice(0, exponent + 1).padEnd(exponent + 1, '0');
  const fraction = trimmed.slice(exponent + 1);
  return fraction === '' ? (point ? `${whole}.0` : whole) : `${whole}.${fraction}`;
}

/** A whole number to a base. @param prefixed whether `0b`, `0o`, `0x` is before it. */
export function integerDigits(value: bigint, style: string, prefixed: boolean): Digits {
  const size = value < 0n ? -value : value;
  const base = { b: 2, o: 8, x: 16, X: 16 }[style];
  const text = base === undefined ? integerText(size) : size.toString(base);
  return {
    negative: value < 0n,
    prefix: prefixed && base !== undefined ? `0${style}` : '',
    whole: style === 'X' ? text.toUpperCase() : text,
    rest: '',
  };
}
