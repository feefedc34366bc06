import { fail } from './errors.js';
import { floatDigits, integerDigits, type Digits, type FloatStyle } from './number-format.js';
import { isFloat, isInt, toNumber } from './numbers.js';
import { str } from './print.js';
import { textOf, typeName } from './python.js';
import type { Run } from './run.js';
import { lengthOf, sliceText } from './text.js';
import type { Value } from './values.js';

const SPEC = /^(?:([^])?([<>=^]))?([-+ ])?(z)?(#)?(0)?(\d+)?([,_])?(?:\.(\d+))?([a-zA-Z%])?$/u;

/**
 * `format(value, spec)`: Python's format specification mini-language.
 *
 * @throws TemplateError
 */
export function formatValue(value: Value, spec: string, run: Run): string {
  if (spec === '') return str(value, run);
  const match = SPEC.exec(spec);
  if (match === null)
    return fail(`Invalid format specifier '${spec}' for object of type '${typeName(value)}'`);
  const [, fillText, align, sign, , alternate, zero, widthText, group, precisionText, type] = match;
  const width = Number(widthText ?? 0);
  run.room(width);
  const precision = precisionText === undefined ? undefined : Number(precisionText);
  run.room(precision ?? 0);
  const fill = fillText ?? (zero !== undefined && align === undefined ? '0' : ' ');
  const text = textOf(value);
  if (text !== undefined) {
    if (type !== undefined && type !== 's') unknown(type, value);
    if (sign !== undefined) fail('Sign not allowed in string format specifier');
    if (align === '=') fail("'=' alignment not allowed in string format specifier");
    if (group !== undefined) fail(`Cannot specify '${group}' with 's'.`);
    const cut = precision === undefined ? text : sliceText(text, 0, precision);
    return pad(cut, fill, align ?? '<', width);
  }
  const digits = digitsOf(value, type, precision, alternate !== undefined, group);
  const prefix = (digits.negative ? '-' : sign === '+' ? '+' : sign === ' ' ? ' ' : '') + digits.prefix;
  const by = group === undefined ? 0 : /[boxX]/.test(type ?? '') ? 4 : 3;
  const numeric = align === '=' || (align === undefined && zero !== undefined);
  const filled = numeric && fill === '0' ? width - prefix.length - digits.rest.length : 0;
  const whole = grouped(digits.whole, group ?? '', by, filled) + digits.rest;
  if (numeric) return prefix + pad(whole, fill, '>', width - prefix.length);
  return pad(prefix + whole, fill, align ?? '>', width);
}

function digitsOf(
  value: Value,
  type: string | undefined,
  precision: number | undefined,
  alternate: boolean,
  group: string | undefined,
): Digits {
  const whole = typeof value === 'boolean' ? (value ? 1 : 0) : value;
  if (isInt(whole) && (type === undefined || /^[bcdoxXn]$/.test(type))) {
    if (precision !== undefined) fail('Precision not allowed in integer format specifier');
    if (type === 'c')
      return { negative: false, prefix: '', whole: String.fromCodePoint(Number(whole)), rest: '' };
    if (group === ',' && type !== undefined && /[boxX]/.test(type))
      fail(`Cannot specify ',' with '${type}'.`);
    return integerDigits(BigInt(whole), type ?? 'd', alternate);
  }
  if (isInt(whole) || isFloat(whole)) {
    if (type !== undefined && !/^[eEfFgGn%]$/.test(type)) unknown(type, value);
    const style = type === undefined ? 'r' : type === 'n' ? 'g' : type;
    return floatDigits(toNumber(whole), style as FloatStyle, precision, alternate);
  }
  return fail(`unsupported format string passed to ${typeName(value)}.__format__`);
}

function unknown(type: string, value: Value): never {
  return fail(`Unknown format code '${type}' for object of type '${typeName(value)}'`);
}

/** Digits in groups, filled with zeros in front to a width. */
function grouped(digits: string, separator: string, by: number, width: number): string {
  if (separator === '' || !/^[\da-f]/i.test(digits)) return digits.padStart(width, '0');
  let padded = digits;
  const size = (count: number): number => count + Math.floor((count - 1) / by);
  while (size(padded.length) < width) padded = `0${padded}`;
  return padded.replace(new RegExp(`\\B(?=(?:[\\da-fA-F]{${by}})+$)`, 'g'), separator);
}

function pad(text: string, fill: string, align: string, width: number): string {
  const missing = width - lengthOf(text);
  if (missing <= 0) return text;
  const left = align === '<' ? 0 : align === '^' ? Math.floor(missing / 2) : missing;
  return fill.repeat(left) + text + fill.repeat(missing - left);
}
