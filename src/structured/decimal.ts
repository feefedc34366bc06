/** A number of a JSON text: a `bigint` where a double would lose digits of a whole number. */
export type JsonNumber = number | bigint;

/** True for finite numbers. */
export function isNumber(value: unknown): value is JsonNumber {
  return typeof value === 'bigint' || Number.isFinite(value);
}

/** A decimal number, exactly: `units` times 10 to the power of minus `places`. */
export interface Decimal {
  readonly units: bigint;
  /** `>= 0`; as few as it takes. */
  readonly places: number;
}

/**
 * The decimal number that a JSON number was written as. For a double that is the shortest decimal that reads
 * as it: 0.1 is one tenth.
 *
 * @param value finite
 */
export function decimalOf(value: JsonNumber): Decimal {
  if (typeof value === 'bigint') return { units: value, places: 0 };
  const [mantissa = '', exponent = '0'] = String(value).split('e');
  const [whole = '', fraction = ''] = mantissa.split('.');
  const places = fraction.length - Number(exponent);
  const units = BigInt(whole + fraction);
  return places < 0 ? { units: units * 10n ** BigInt(-places), places: 0 } : { units, places };
}

/** @returns below 0 where `a` is smaller, 0 where both are equal, above 0 where `a` is larger. */
export function compareDecimals(a: Decimal, b: Decimal): number {
  const places = Math.max(a.places, b.places);
  const [left, right] = [unitsAt(a, places), unitsAt(b, places)];
  return left < right ? -1 : left > right ? 1 : 0;
}

/** True if `value` is a whole number of times `divisor`. @param divisor not 0 */
export function isMultiple(value: Decimal, divisor: Decimal): boolean {
  const places = Math.max(value.places, divisor.places);
  return unitsAt(value, places) % unitsAt(divisor, places) === 0n;
}

export function negated({ units, places }: Decimal): Decimal {
  return { units: -units, places };
}

function unitsAt({ units, places }: Decimal, wanted: number): bigint {
  return places === wanted ? units : units * 10n ** BigInt(wanted - places);
}
