import { needIndex } from './arguments.js';
import { fixed } from './decimal.js';
import { fail } from './errors.js';
import { filter, type Filter } from './filter.js';
import { calculate, float, int, isFloat, isNumber, power, toInteger, toNumber } from './numbers.js';
import { parseFloatText, parseInteger } from './parse-number.js';
import { textOf, truth, typeName } from './python.js';
import { Undefined, type Value } from './values.js';

function absolute(value: Value): Value {
  if (!isNumber(value)) return fail(`bad operand type for abs(): '${typeName(value)}'`);
  const integer = toInteger(value);
  if (integer === undefined) return float(Math.abs(toNumber(value)));
  return integer < 0 ? calculate('-', 0, integer) : integer;
}

function toInt(value: Value, otherwise: Value, base: Value): Value {
  if (value instanceof Undefined) return fail(value.message);
  const text = textOf(value);
  if (text !== undefined) {
    const radix = needIndex(base);
    const whole = radix === 0 || (radix >= 2 && radix <= 36) ? parseInteger(text, radix) : undefined;
    if (whole !== undefined) return int(whole);
    const number = parseFloatText(text);
    return number === undefined || !Number.isFinite(number) ? otherwise : int(BigInt(Math.trunc(number)));
  }
  if (!isNumber(value)) return otherwise;
  const number = toNumber(value);
  if (number === Infinity || number === -Infinity) return fail('cannot convert float infinity to integer');
  return toInteger(value) ?? (Number.isNaN(number) ? otherwise : int(BigInt(Math.trunc(number))));
}

function toFloat(value: Value, otherwise: Value): Value {
  if (value instanceof Undefined) return fail(value.message);
  const text = textOf(value);
  if (text !== undefined) {
    const number = parseFloatText(text);
    return number === undefined ? otherwise : float(number);
  }
  return isNumber(value) ? float(toNumber(value)) : otherwise;
}

/** `round(value, places)`, halves to even digits. */
function rounded(value: Value, places: Value): Value {
  if (!isNumber(value))
    return fail(
      value instanceof Undefined ? value.message : `type ${typeName(value)} doesn't define __round__ method`,
    );
  const digits = needIndex(places);
  const integer = toInteger(value);
  if (integer !== undefined) return digits >= 0 ? integer : roundInteger(BigInt(integer), -digits);
  const number = toNumber(value);
  if (!Number.isFinite(number) || digits > 323) return value;
  if (digits >= 0)
    return float(Math.sign(number) * Number(fixed(Math.abs(number), Math.min(digits, 340))) || number * 0);
  if (digits < -308) return float(number * 0);
  const size = Number(roundInteger(BigInt(Math.trunc(number)), -digits));
  return float(size === 0 ? number * 0 : size);
}

function roundInteger(value: bigint, places: number): number | bigint {
  if (places > 4300) return 0;
  const unit = 10n ** BigInt(places);
  const size = value < 0n ? -value : value;
  const rest = size % unit;
  let down = size / unit;
  if (2n * rest > unit || (2n * rest === unit && down % 2n === 1n)) down += 1n;
  return int(value < 0n ? -down * unit : down * unit);
}

function round(value: Value, places: Value, method: string | undefined): Value {
  if (method !== 'common' && method !== 'ceil' && method !== 'floor')
    return fail('method must be common, ceil or floor');
  if (method === 'common') return rounded(value, places);
  if (value instanceof Undefined) fail(value.message);
  if (!isNumber(value)) return fail(`must be real number, not ${typeName(value)}`);
  const unit = power(10, needIndex(places))!;
  const scaled = calculate('*', value, unit as number);
  const number = toNumber(scaled as number);
  const whole = isFloat(scaled) ? (method === 'ceil' ? Math.ceil(number) : Math.floor(number)) : number;
  if (!Number.isFinite(whole)) fail('cannot convert float infinity to integer');
  return float((whole + 0) / toNumber(unit as number));
}

/** Filters of numbers, and those of anything. */
export const NUMBER_FILTERS: readonly (readonly [string, Filter])[] = [
  filter('abs', '', 0, absolute),
  filter('d', 'default_value boolean', 0, defaultTo),
  filter('default', 'default_value boolean', 0, defaultTo),
  filter('float', 'default', 0, (value, [otherwise = float(0)]) => toFloat(value, otherwise)),
  filter('int', 'default base', 0, (value, [otherwise = 0, base = 10]) => toInt(value, otherwise, base)),
  filter('round', 'precision method', 0, (value, [places = 0, method]) =>
    round(value, places, method === undefined ? 'common' : textOf(method)),
  ),
];

function defaultTo(value: Value, [otherwise = '', falsy = false]: readonly (Value | undefined)[]): Value {
  return value instanceof Undefined || (truth(falsy) && !truth(value)) ? otherwise : value;
}
