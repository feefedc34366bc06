import { shortest } from './decimal.js';
import { fail } from './errors.js';
import { isList } from './python.js';
import type { Run } from './run.js';
import { Dict, Float, Markup, Range, Slice, Stream, Tuple, Undefined, View, type Value } from './values.js';

/** Digits of the longest whole number that Python prints. */
export const LONGEST_INTEGER = 4300;

/** `str(value)`: how a template prints it. */
export function str(value: Value, run: Run): string {
  if (typeof value === 'string') return value;
  if (value instanceof Markup) return value.text;
  if (value instanceof Undefined) return '';
  return repr(value, run);
}

/** `repr(value)`: how it is printed within a list. */
export function repr(value: Value, run: Run): string {
  if (typeof value === 'string') return run.text(quote(value));
  if (typeof value === 'boolean') return value ? 'True' : 'False';
  if (typeof value === 'number') return Number.isInteger(value) ? String(value) : floatText(value);
  if (typeof value === 'bigint') return integerText(value);
  if (value === null) return 'None';
  run.step();
  if (value instanceof Float) return floatText(value.number);
  if (value instanceof Markup) return `Markup(${quote(value.text)})`;
  if (value instanceof Dict) return dictText(value, run);
  if (isList(value)) return `[${listText(value, run)}]`;
  if (value instanceof Tuple)
    return value.items.length === 1 ? `(${repr(value.items[0]!, run)},)` : `(${listText(value.items, run)})`;
  if (value instanceof Range)
    return `range(${value.start}, ${value.stop}${value.step === 1 ? '' : `, ${value.step}`})`;
  if (value instanceof View) return `dict_${value.kind}([${listText([...value], run)}])`;
  if (value instanceof Undefined) return 'Undefined';
  if (value instanceof Slice) return `slice(${listText([value.start, value.stop, value.step], run)})`;
  if (value instanceof Stream) return `<${value.type} object>`;
  return value.print(run);
}

function listText(items: readonly Value[], run: Run): string {
  let text = '';
  for (const item of items) text = run.text(`${text}${text === '' ? '' : ', '}${repr(item, run)}`);
  return text;
}

function dictText(dict: Dict, run: Run): string {
  let text = '';
  for (const [key, value] of dict.entries())
    text = run.text(`${text}${text === '' ? '' : ', '}${repr(key, run)}: ${repr(value, run)}`);
  return `{${text}}`;
}

/** @throws TemplateError where it is longer than Python prints. */
export function integerText(value: bigint): string {
  const text = value.toString();
  if (text.length > LONGEST_INTEGER + (value < 0n ? 1 : 0))
    fail(`Exceeds the limit (${LONGEST_INTEGER} digits) for integer string conversion`);
  return text;
}

/** A float as Python prints it: the shortest digits that name it, with an exponent where it is large or small. */
export function floatText(value: number): string {
  if (Number.isNaN(value)) return 'nan';
  const sign = value < 0 || Object.is(value, -0) ? '-' : '';
  const size = Math.abs(value);
  if (size === Infinity) return `${sign}inf`;
  const { digits, exponent } = shortest(size);
  if (exponent < -4 || exponent >= 16) {
    const fraction = digits.length > 1 ? `.${digits.slice(1)}` : '';
    return `${sign}${digits[0]!}${fraction}e${exponentText(exponent)}`;
  }
  if (exponent < 0) return `${sign}0.${'0'.repeat(-exponent - 1)}${digits}`;
  const whole = digits.slice(0, exponent + 1).padEnd(exponent + 1, '0');
  return `${sign}${whole}.${digits.slice(exponent + 1) || '0'}`;
}

/** An exponent with its sign and two digits or more. */
export function exponentText(exponent: number): string {
  return `${exponent < 0 ? '-' : '+'}${String(Math.abs(exponent)).padStart(2, '0')}`;
}

/** Characters that Python shows as escapes, but for the space. */
const HIDDEN = /[\\\p{C}\p{Z}]/gu;
const SIMPLE: Readonly<Record<string, string>> = {
  '\\': '\\\\',
  '\n': '\\n',
  '\r': '\\r',
  '\t': '\\t',
  ' ': ' ',
};

/** A text between quotes, as Python shows it. */
export function quote(text: string): string {
  const mark = text.includes("'") && !text.includes('"') ? '"' : "'";
  const escaped = text.replace(HIDDEN, character => SIMPLE[character] ?? escapeOf(character.codePointAt(0)!));
  return mark + (mark === "'" ? escaped.replaceAll("'", "\\'") : escaped) + mark;
}

function escapeOf(code: number): string {
  const hex = code.toString(16);
  if (code <= 0xff) return `\\x${hex.padStart(2, '0')}`;
  return code <= 0xffff ? `\\u${hex.padStart(4, '0')}` : `\\U${hex.padStart(8, '0')}`;
}
