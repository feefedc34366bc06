/** Most digits of an exponent: that of the largest double has three. */
const DIGITS = 3;

/** An exponent that is being written: the `e` is there already. */
export interface ExponentState {
  readonly kind: 'exponent';
  readonly sign: '' | '+' | '-';
  /** How many of its digits are there. */
  readonly digits: number;
  /** The number that they spell; 0 where it may become any number of so many digits. */
  readonly value: number;
  /** The range that it must lie in, which infinities leave open. */
  readonly from: number;
  readonly to: number;
}

/** Exponents of numbers: a sign or none, and up to three digits, with zeros in front or not. */
export const exponents = {
  /** The state before an exponent; undefined where none lies in the range. */
  first(from: number, to: number): ExponentState | undefined {
    return simplified({ kind: 'exponent', sign: '', digits: 0, value: 0, from, to });
  },

  next(state: ExponentState, character: string): ExponentState | undefined {
    const { sign, digits, value } = state;
    if (character === '+' || character === '-')
      return sign === '' && digits === 0 ? simplified({ ...state, sign: character }) : undefined;
    if (!/\d/.test(character) || digits === DIGITS) return undefined;
    return simplified({
      ...state,
      sign: sign === '' ? '+' : sign,
      digits: digits + 1,
      value: value * 10 + Number(character),
    });
  },

  mayEnd({ sign, digits, value, from, to }: ExponentState): boolean {
    const exponent = sign === '-' ? -value : value;
    return digits > 0 && exponent >= from && exponent <= to;
  },
};

/** The same state for all that may go on alike; undefined for what cannot come to an end. */
function simplified(state: ExponentState): ExponentState | undefined {
  const { sign, digits, value, from, to } = state;
  const ends = Array.from({ length: DIGITS - digits + 1 }, (_, more): readonly [number, number] => {
    const [least, most] = [value * 10 ** more, (value + 1) * 10 ** more - 1];
    return sign === '-' ? [-most, -least] : [sign === '' ? -most : least, most];
  });
  if (!ends.some(([least, most]) => most >= from && least <= to)) return undefined;
  const isFree = ends.every(([least, most]) => least >= from && most <= to);
  return isFree ? { ...state, sign: sign === '' ? '' : '+', value: 0, from: -Infinity, to: Infinity } : state;
}
