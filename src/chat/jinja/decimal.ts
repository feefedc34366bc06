/** The digits of a number greater than 0: `digits[0].digits[1]... * 10 ** exponent`. */
export interface Decimal {
  readonly digits: string;
  readonly exponent: number;
}

/** The shortest digits that name a number. @param value finite and not negative. */
export function shortest(value: number): Decimal {
  return parse(value.toExponential());
}

/** More digits than any two neighbouring doubles need to differ, so that halves show as halves. */
const MANY = 100;

/**
 * A number rounded to significant digits, exact halves to an even digit, as Python does.
 *
 * @param value finite and not negative.
 * @param count digits, 1 or more.
 */
export function significant(value: number, count: number): Decimal {
  return round(parse(value.toExponential(MANY)), count);
}

/**
 * A number with so many digits behind the point, as {@link significant} rounds.
 *
 * @param value finite and not negative.
 * @param places 0 or more.
 */
export function fixed(value: number, places: number): string {
  if (value >= 1e22) {
    const whole = BigInt(value).toString();
    return places > 0 ? `${whole}.${'0'.repeat(places)}` : whole;
  }
  const exact = parse(value.toExponential(MANY));
  const count = exact.exponent + 1 + places;
  let digits: string;
  if (value === 0 || count < 0) digits = '';
  else if (count === 0) digits = /^(?:[6-9]|5.*[1-9])/.test(exact.digits) ? '1' : '';
  else {
    const rounded = round(exact, count);
    digits = rounded.digits + '0'.repeat(rounded.exponent - exact.exponent);
  }
  const padded = digits.padStart(places + 1, '0');
  return places > 0 ? `${padded.slice(0, -places)}.${padded.slice(-places)}` : padded;
}

function parse(text: string): Decimal {
  const [mantissa, exponent] = text.split('e');
  return { digits: mantissa!.replace('.', ''), exponent: Number(exponent) };
}

function round({ digits, exponent }: Decimal, count: number): Decimal {
  if (digits.length <= count) return { digits: digits.padEnd(count, '0'), exponent };
  const kept = digits.slice(0, count);
  const rest = digits.slice(count);
  const isHalf = /^50*$/.test(rest);
  const up = isHalf ? Number(kept.at(-1)) % 2 === 1 : rest[0]! >= '5';
  if (!up) return { digits: kept, exponent };
  const next = (BigInt(kept) + 1n).toString().padStart(count, '0');
  return next.length > count
    ? { digits: next.slice(0, count), exponent: exponent + 1 }
    : { digits: next, exponent };
}
