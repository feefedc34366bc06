import { needIndex, needNumber } from './arguments.js';
import { fail } from './errors.js';
import { floatDigits, integerDigits, type Digits } from './number-format.js';
import { toInteger, isNumber, toNumber } from './numbers.js';
import { repr, str } from './print.js';
import { textOf, typeName } from './python.js';
import type { Run } from './run.js';
import { lengthOf, sliceText } from './text.js';
import { Dict, Tuple, type Value } from './values.js';

const FIELD = /%(?:\(([^)]*)\))?([-+ 0#]*)(\*|\d+)?(?:\.(\*|\d*))?[hlL]?([^])?/g;

/**
 * `text % values`, as in C.
 *
 * @param values a tuple, a dict for fields with names, or the one value.
 * @throws TemplateError
 */
export function formatPercent(text: string, values: Value, run: Run): string {
  const items = values instanceof Tuple ? values.items : [values];
  let used = 0;
  const next = (): Value =>
    used < items.length ? items[used++]! : fail('not enough arguments for format string');
  let size = text.length;
  const result = text.replace(
    FIELD,
    (_, key?: string, flags = '', widthText?: string, precisionText?: string, type?: string) => {
      if (type === undefined) fail('incomplete format');
      let named: Value | undefined;
      if (key !== undefined) {
        if (!(values instanceof Dict)) fail('format requires a mapping');
        named = values.get(key);
        if (named === undefined) fail(`'${key}'`);
      }
      let left = (flags as string).includes('-');
      let width = widthText === '*' ? needIndex(next()) : Number(widthText ?? 0);
      if (width < 0) [left, width] = [true, -width];
      const precision =
        precisionText === undefined
          ? undefined
          : precisionText === '*'
            ? Math.max(0, needIndex(next()))
            : Number(precisionText);
      if (type === '%') return '%';
      run.room(Math.max(width, precision ?? 0));
      const field = convert(
        type,
        named === undefined ? next() : named,
        flags as string,
        precision,
        left ? 0 : width,
        run,
      );
      const padding = ' '.repeat(Math.max(0, width - lengthOf(field)));
      const padded = left ? field + padding : padding + field;
      run.room((size += padded.length));
      return padded;
    },
  );
  if (used < items.length && !(values instanceof Dict))
    fail('not all arguments converted during string formatting');
  return result;
}

function convert(
  type: string,
  value: Value,
  flags: string,
  precision: number | undefined,
  width: number,
  run: Run,
): string {
  switch (type) {
    case 's':
    case 'r':
    case 'a': {
      const text = type === 's' ? str(value, run) : repr(value, run);
      return precision === undefined ? text : sliceText(text, 0, precision);
    }
    case 'c': {
      const text = textOf(value);
      if (text !== undefined && lengthOf(text) === 1) return text;
      return text === undefined && toInteger(value) !== undefined
        ? String.fromCodePoint(Number(toInteger(value)))
        : fail('%c requires int or char');
    }
    case 'd':
    case 'i':
    case 'u':
      if (!isNumber(value)) fail(`%${type} format: a real number is required, not ${typeName(value)}`);
      return signed(
        withZeros(
          integerDigits(BigInt(toInteger(value) ?? Math.trunc(toNumber(value))), 'd', false),
          precision,
        ),
        flags,
        width,
      );
    case 'o':
    case 'x':
    case 'X': {
      const integer =
        toInteger(value) ?? fail(`%${type} format: an integer is required, not ${typeName(value)}`);
      return signed(
        withZeros(integerDigits(BigInt(integer), type, flags.includes('#')), precision),
        flags,
        width,
      );
    }
    case 'e':
    case 'E':
    case 'f':
    case 'F':
    case 'g':
    case 'G':
      return signed(floatDigits(needNumber(value), type, precision, flags.includes('#')), flags, width);
    default:
      return fail(`unsupported format character '${type}'`);
  }
}

function withZeros(digits: Digits, precision: number | undefined): Digits {
  return precision === undefined ? digits : { ...digits, whole: digits.whole.padStart(precision, '0') };
}

function signed({ negative, prefix, whole, rest }: Digits, flags: string, width: number): string {
  const sign = (negative ? '-' : flags.includes('+') ? '+' : flags.includes(' ') ? ' ' : '') + prefix;
  const body = whole + rest;
  return (
    sign + (flags.includes('0') && !flags.includes('-') ? body.padStart(width - sign.length, '0') : body)
  );
}
