import { TemplateTooLarge } from './errors.js';
import { Float, type Value } from './values.js';

/** Most bits of a whole number: more than any template needs, and quick to compute with. */
const MOST_BITS = 1 << 16;

/** An int as a template has it. @throws TemplateTooLarge */
export function int(value: bigint | number): number | bigint {
  if (typeof value === 'number') return Number.isSafeInteger(value) ? value + 0 : BigInt(value);
  if (value >= Number.MIN_SAFE_INTEGER && value <= Number.MAX_SAFE_INTEGER) return Number(value);
  if (bitLength(value) > MOST_BITS) throw new TemplateTooLarge('makes too large a number');
  return value;
}

/** A float as a template has it. */
export function float(value: number): number | Float {
  return Number.isInteger(value) ? new Float(value) : value;
}

/** A number of JSON, whose text tells ints and floats apart only where the number is not whole. */
export function jsonNumber(value: number): Value {
  return Number.isInteger(value) ? int(value) : float(value);
}

export function isInt(value: Value): value is number | bigint {
  return typeof value === 'number' ? Number.isInteger(value) : typeof value === 'bigint';
}

export function isFloat(value: Value): value is number | Float {
  return value instanceof Float || (typeof value === 'number' && !Number.isInteger(value));
}

/** Whether it is an int, a float or a bool, which counts as 0 or 1. */
export function isNumber(value: Value): value is number | bigint | boolean | Float {
  return (
    typeof value === 'number' ||
    typeof value === 'bigint' ||
    typeof value === 'boolean' ||
    value instanceof Float
  );
}

/** The number as JavaScript computes with it. */
export function toNumber(value: number | bigint | boolean | Float): number {
  return value instanceof Float ? value.number : Number(value);
}

/** An int or a bool as a whole number; undefined for all else. */
export function toInteger(value: Value): number | bigint | undefined {
  if (typeof value === 'boolean') return value ? 1 : 0;
  return isInt(value) ? value : undefined;
}

/** As {@link toInteger}, within the safe integers: what is beyond becomes the nearest of them. */
export function toIndex(value: Value): number | undefined {
  const integer = toInteger(value);
  if (typeof integer !== 'bigint') return integer;
  return integer < 0 ? Number.MIN_SAFE_INTEGER : Number.MAX_SAFE_INTEGER;
}

/** Number of binary digits of the absolute value. */
export function bitLength(value: bigint): number {
  const text = (value < 0n ? -value : value).toString(16);
  return text === '0' ? 0 : 4 * (text.length - 1) + (32 - Math.clz32(Number.parseInt(text[0]!, 16)));
}

/**
 * Adds, subtracts or multiplies.
 *
 * @throws TemplateTooLarge
 */
export function calculate(
  operator: '+' | '-' | '*',
  left: number | bigint | boolean | Float,
  right: number | bigint | boolean | Float,
): Value {
  const [a, b] = [toInteger(left), toInteger(right)];
  if (a === undefined || b === undefined) {
    const [x, y] = [toNumber(left), toNumber(right)];
    return float(operator === '+' ? x + y : operator === '-' ? x - y : x * y);
  }
  if (typeof a === 'number' && typeof b === 'number') {
    const result = operator === '+' ? a + b : operator === '-' ? a - b : a * b;
    if (Number.isSafeInteger(result)) return result + 0;
  }
  const [x, y] = [BigInt(a), BigInt(b)];
  return int(operator === '+' ? x + y : operator === '-' ? x - y : x * y);
}

/**
 * `left // right` and `left % right`: the quotient is rounded down, and the remainder has the divisor's sign.
 *
 * @returns undefined where the divisor is 0.
 */
export function divide(
  left: number | bigint | boolean | Float,
  right: number | bigint | boolean | Float,
): { readonly quotient: Value; readonly remainder: Value } | undefined {
  const [a, b] = [toInteger(left), toInteger(right)];
  if (a === undefined || b === undefined) {
    const [x, y] = [toNumber(left), toNumber(right)];
    if (y === 0) return undefined;
    let remainder = x % y;
    let quotient = (x - remainder) / y;
    if (remainder !== 0 && remainder < 0 !== y < 0) {
      remainder += y;
      quotient -= 1;
    } else if (remainder === 0) remainder = y < 0 ? -0 : 0;
    const floored = Math.floor(quotient);
    const whole = quotient - floored > 0.5 ? floored + 1 : floored;
    return {
      // A zero has the sign of the exact quotient.
      quotient: float(whole === 0 ? (x / y < 0 || Object.is(x / y, -0) ? -0 : 0) : whole),
      remainder: float(remainder),
    };
  }
  const [x, y] = [BigInt(a), BigInt(b)];
  if (y === 0n) return undefined;
  let quotient = x / y;
  let remainder = x % y;
  if (remainder !== 0n && remainder < 0n !== y < 0n) {
    remainder += y;
    quotient -= 1n;
  }
  return { quotient: int(quotient), remainder: int(remainder) };
}

/**
 * `base ** exponent`.
 *
 * @returns undefined where 0 is raised to a negative power, or a negative number to a fraction.
 * @throws TemplateTooLarge
 */
export function power(
  base: number | bigint | boolean | Float,
  exponent: number | bigint | boolean | Float,
): Value | undefined {
  const [a, b] = [toInteger(base), toInteger(exponent)];
  if (a !== undefined && b !== undefined && b >= 0) {
    const odd = BigInt(b) % 2n === 1n;
    if (a === 0 || a === 1 || a === -1) return Number(b) === 0 ? 1 : a === -1 && !odd ? 1 : a;
    if (bitLength(BigInt(a)) * Number(b) > MOST_BITS) throw new TemplateTooLarge('makes too large a number');
    return int(BigInt(a) ** BigInt(b));
  }
  const [x, y] = [toNumber(base), toNumber(exponent)];
  if ((x === 0 && y < 0) || (x < 0 && !Number.isInteger(y))) return undefined;
  return float(Math.abs(x) === 1 && !Number.isFinite(y) ? 1 : x ** y);
}
