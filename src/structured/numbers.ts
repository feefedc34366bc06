import type { Budget } from './budget.js';
import {
  choice,
  EMPTY,
  literal,
  NEVER,
  one,
  optional,
  repeat,
  sequence,
  type Expression,
} from './expression.js';
import type { Dfa, Edge } from './dfa.js';
import { Refusal } from './refusal.js';

/** A bound of numbers. */
export interface Bound {
  readonly value: number;
  readonly exclusive: boolean;
}

interface NumberRange {
  readonly integer: boolean;
  readonly min: Bound | undefined;
  readonly max: Bound | undefined;
}

/**
 * Most digits of a number before its point, and after it; of a number with bounds, most digits in all: a
 * double keeps 15, so that what is written is what is read. A limit there must be, since models have been
 * seen to write digits until their context was full.
 */
const DIGITS = 15;
/** The first whole number with more digits. */
const LARGEST = 10 ** DIGITS;

const digit = (from: number, to: number): Expression => (from > to ? NEVER : one([[0x30 + from, 0x30 + to]]));
const DIGIT = digit(0, 9);
const MINUS = literal('-');

/** The JSON numbers of a range. */
export function numberExpression({ integer, min, max }: NumberRange): Expression {
  if (min === undefined && max === undefined) {
    const whole = choice(literal('0'), sequence(digit(1, 9), repeat(DIGIT, 0, DIGITS - 1)));
    if (integer) return sequence(optional(MINUS), whole);
    const fraction = optional(sequence(literal('.'), repeat(DIGIT, 1, DIGITS)));
    const exponent = optional(
      sequence(
        one([
          [0x45, 0x45],
          [0x65, 0x65],
        ]),
        optional(
          one([
            [0x2b, 0x2b],
            [0x2d, 0x2d],
          ]),
        ),
        repeat(DIGIT, 1, 2),
      ),
    );
    return sequence(optional(MINUS), whole, fraction, exponent);
  }
  const positive = magnitudes(integer, min ?? { value: 0, exclusive: false }, max);
  const negated = (bound: Bound | undefined): Bound | undefined =>
    bound && { value: -bound.value, exclusive: bound.exclusive };
  // "-0" is 0 once more: it would say nothing new.
  const aboveZero: Bound = { value: 0, exclusive: true };
  const lower = negated(max);
  const negative = magnitudes(
    integer,
    lower !== undefined && lower.value > 0 ? lower : aboveZero,
    negated(min),
  );
  return choice(positive, sequence(MINUS, negative));
}

/** Numbers from 0 on between two bounds. */
function magnitudes(integer: boolean, min: Bound, max: Bound | undefined): Expression {
  const low: Bound = min.value < 0 ? { value: 0, exclusive: false } : min;
  const high: Bound = max !== undefined && max.value < LARGEST ? max : { value: LARGEST, exclusive: true };
  if (high.value < low.value || (high.value === low.value && (low.exclusive || high.exclusive))) return NEVER;
  const atLeast = { ...decimal(low.value), exclusive: low.exclusive };
  const atMost = { ...decimal(high.value), exclusive: high.exclusive };
  const lengths = Array.from({ length: Math.min(DIGITS, atMost.whole.length) }, (_, i) => i + 1);
  return choice(
    ...lengths.map(length =>
      wholePart(length, atLeast, atMost, (tightLow, tightHigh) =>
        fractionPart(
          integer ? 0 : DIGITS - length,
          tightLow ? atLeast : undefined,
          tightHigh ? atMost : undefined,
        ),
      ),
    ),
  );
}

interface Decimal {
  readonly whole: string;
  /** No zeros at the end. */
  readonly fraction: string;
}
type DecimalBound = Decimal & { readonly exclusive: boolean };

/** The digits of a number from 0 on, without an exponent. */
function decimal(value: number): Decimal {
  if (value > LARGEST) throw new Refusal('', `the bound ${value} is too large to be compared digit by digit`);
  const [mantissa = '', exponent] = String(value).split('e-');
  const [whole = '0', fraction = ''] = mantissa.split('.');
  return exponent === undefined
    ? { whole, fraction }
    : { whole: '0', fraction: '0'.repeat(Number(exponent) - 1) + whole + fraction };
}

/**
 * Whole parts of one length, each followed by an expression that depends on whether the digits so far equal
 * those of a bound.
 */
function wholePart(
  length: number,
  min: DecimalBound,
  max: DecimalBound,
  rest: (tightLow: boolean, tightHigh: boolean) => Expression,
): Expression {
  if (length < min.whole.length || length > max.whole.length) return NEVER;
  const step = (position: number, tightLow: boolean, tightHigh: boolean): Expression => {
    if (position === length) return rest(tightLow, tightHigh);
    // No zeros in front.
    const lowest = position === 0 && length > 1 ? 1 : 0;
    const low = tightLow ? Number(min.whole[position]) : lowest;
    const high = tightHigh ? Number(max.whole[position]) : 9;
    if (!tightLow && !tightHigh)
      return sequence(
        digit(lowest, 9),
        repeat(DIGIT, length - position - 1, length - position - 1),
        rest(false, false),
      );
    if (low > high) return NEVER;
    if (low === high) return sequence(digit(low, low), step(position + 1, tightLow, tightHigh));
    const inner = digit(tightLow ? low + 1 : low, tightHigh ? high - 1 : high);
    return choice(
      tightLow ? sequence(digit(low, low), step(position + 1, true, false)) : NEVER,
      inner === NEVER ? NEVER : sequence(inner, step(position + 1, false, false)),
      tightHigh ? sequence(digit(high, high), step(position + 1, false, true)) : NEVER,
    );
  };
  return step(0, length === min.whole.length, length === max.whole.length);
}

/** The rest of a number after its whole part: nothing, or a point and digits. */
function fractionPart(
  longest: number,
  min: DecimalBound | undefined,
  max: DecimalBound | undefined,
): Expression {
  const mayEnd = (position: number, tightLow: boolean, tightHigh: boolean): boolean =>
    !(tightLow && (min!.fraction.length > position || min!.exclusive)) &&
    !(tightHigh && max!.fraction.length <= position && max!.exclusive);
  /** Digits from a position on; at least one if `first`. */
  const step = (position: number, tightLow: boolean, tightHigh: boolean, first: boolean): Expression => {
    if (!tightLow && !tightHigh) return repeat(DIGIT, first ? 1 : 0, longest - position);
    const end = !first && mayEnd(position, tightLow, tightHigh) ? EMPTY : NEVER;
    if (position === longest) return end;
    const low = tightLow ? Number(min!.fraction[position] ?? 0) : 0;
    const high = tightHigh ? Number(max!.fraction[position] ?? 0) : 9;
    const next = (from: number, to: number, low: boolean, high: boolean): Expression =>
      from > to ? NEVER : sequence(digit(from, to), step(position + 1, low, high, false));
    if (low === high) return choice(end, next(low, low, tightLow, tightHigh));
    return choice(
      end,
      tightLow ? next(low, low, true, false) : NEVER,
      next(tightLow ? low + 1 : low, tightHigh ? high - 1 : high, false, false),
      tightHigh ? next(high, high, false, true) : NEVER,
    );
  };
  const [tightLow, tightHigh] = [min !== undefined, max !== undefined];
  const none = mayEnd(0, tightLow, tightHigh) ? EMPTY : NEVER;
  return longest === 0 ? none : choice(none, sequence(literal('.'), step(0, tightLow, tightHigh, true)));
}

/** Largest divisor of `multipleOf`: the automaton has as many states. */
const LARGEST_DIVISOR = 1000;

/** Whole decimal numbers that a divisor divides. */
export function multiples(divisor: number, budget: Budget): Dfa {
  if (!Number.isInteger(divisor) || divisor < 1 || divisor > LARGEST_DIVISOR)
    throw new Refusal('', `must be an integer from 1 to ${LARGEST_DIVISOR}`);
  budget.charge(10 * divisor);
  // State 0 is before the first digit; state r + 1 has the remainder r.
  const after = (remainder: number): Edge[] =>
    Array.from({ length: 10 }, (_, value) => ({
      low: 0x30 + value,
      high: 0x30 + value,
      to: ((remainder * 10 + value) % divisor) + 1,
    }));
  const minus: Edge = { low: 0x2d, high: 0x2d, to: 0 };
  return {
    edges: [[minus, ...after(0)], ...Array.from({ length: divisor }, (_, remainder) => after(remainder))],
    accepting: [false, ...Array.from({ length: divisor }, (_, remainder) => remainder === 0)],
  };
}
