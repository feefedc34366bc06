import { stateMachine } from './state-machine.js';
import type { Budget } from './budget.js';
import { compareDecimals, negated, type Decimal } from './decimal.js';
import { choice, literal, NEVER, one, optional, sequence, type Expression } from './expression.js';
import { exponents, type ExponentState } from './exponents.js';
import type { Dfa } from './dfa.js';
import { Refusal } from './refusal.js';

/** A bound of numbers. */
export interface Bound {
  readonly value: Decimal;
  readonly exclusive: boolean;
}

interface NumberRange {
  readonly integer: boolean;
  readonly min: Bound | undefined;
  readonly max: Bound | undefined;
}

/**
 * Most digits of a number before its point, and after it. Numbers of 64 bits have 20, and a number that is
 * cut is worse than a long one; but a limit there must be, since models have been seen to write digits until
 * their context was full.
 */
export const DIGITS = 40;

const MINUS = literal('-');
const ZERO: Decimal = { units: 0n, places: 0 };

/**
 * The JSON numbers of a range. Integers have neither fraction nor exponent. With bounds other than 0, a
 * number with an exponent has one digit before its point.
 *
 * @param digits most digits before the point, and after it.
 */
export function numberExpression(
  { integer, min, max }: NumberRange,
  budget: Budget,
  digits = DIGITS,
): Expression {
  const between = (low: Bound, high: Bound | undefined): Expression =>
    magnitudes({ integer, low, high, digits }, budget);
  if (min === undefined && max === undefined)
    return sequence(optional(MINUS), between({ value: ZERO, exclusive: false }, undefined));
  const below = max && mirrored(max);
  // "-0" is 0 once more: it would say nothing new.
  return choice(
    between(min !== undefined && min.value.units >= 0n ? min : { value: ZERO, exclusive: false }, max),
    sequence(
      MINUS,
      between(
        below !== undefined && below.value.units > 0n ? below : { value: ZERO, exclusive: true },
        min && mirrored(min),
      ),
    ),
  );
}

function mirrored({ value, exclusive }: Bound): Bound {
  return { value: negated(value), exclusive };
}

/** Numbers without a sign. */
interface Magnitudes {
  readonly integer: boolean;
  /** From 0 on. */
  readonly low: Bound;
  readonly high: Bound | undefined;
  readonly digits: number;
}

/** Whether the digits so far are less than a bound's at the same places, equal to them, or more. */
type Order = -1 | 0 | 1;

/** The digits of a bound, by which numbers are compared with it. */
class Limit {
  readonly exclusive: boolean;
  readonly isZero: boolean;
  /** The power of ten of the first digit that is not 0. */
  readonly exponent: number;
  readonly #whole: string;
  /** No zeros at the end. */
  readonly #fraction: string;
  /** From the first to the last digit that is not 0. */
  readonly #digits: string;

  constructor({ value: { units, places }, exclusive }: Bound) {
    const text = String(units).padStart(places + 1, '0');
    this.exclusive = exclusive;
    this.isZero = units === 0n;
    this.#whole = text.slice(0, text.length - places);
    this.#fraction = text.slice(text.length - places).replace(/0+$/, '');
    this.#digits = String(units).replace(/0+$/, '');
    this.exponent = String(units).length - 1 - places;
  }

  /** The order after one more digit before the point. @param place from the left */
  whole(order: Order, place: number, digit: number): Order {
    if (place >= this.#whole.length) return 1;
    return order === 0 ? orderOf(digit, this.#whole[place]) : order;
  }

  /** The order of a whole part that ends after some digits. */
  endOfWhole(order: Order, length: number): Order {
    return length < this.#whole.length ? -1 : order;
  }

  /** The order after one more digit behind the point. */
  fraction(order: Order, place: number, digit: number): Order {
    return order === 0 ? orderOf(digit, this.#fraction[place]) : order;
  }

  /** The order of a number that ends after some digits behind the point. */
  end(order: Order, places: number): Order {
    return order === 0 && Math.max(0, places) < this.#fraction.length ? -1 : order;
  }

  /** The order of a number's first digits, its exponent left aside, after one more. */
  significant(order: Order, place: number, digit: number): Order {
    return order === 0 ? orderOf(digit, this.#digits[place]) : order;
  }

  endOfSignificant(order: Order, digits: number): Order {
    return order === 0 && digits < this.#digits.length ? -1 : order;
  }
}

function orderOf(digit: number, of: string | undefined): Order {
  const other = Number(of ?? 0);
  return digit < other ? -1 : digit > other ? 1 : 0;
}

/** The digits of a number, and how they compare with its bounds. */
interface Mantissa {
  readonly kind: 'mantissa';
  /** Digits before the point; -1 after it, where their number does not matter any more. */
  readonly whole: number;
  /** Digits behind the point; -1 before it. */
  readonly fraction: number;
  readonly isZero: boolean;
  /** The orders against the lower bound and the upper one. */
  readonly plain: readonly Order[];
  /** The same for the digits alone; undefined where they tell nothing, or there is more than one before the point. */
  readonly significant: readonly Order[] | undefined;
}

type State = Mantissa | ExponentState;

const FIRST: Mantissa = {
  kind: 'mantissa',
  whole: 0,
  fraction: -1,
  isZero: true,
  plain: [0, 0],
  significant: undefined,
};

function magnitudes({ integer, low, high, digits }: Magnitudes, budget: Budget): Expression {
  if (high !== undefined) {
    const order = compareDecimals(low.value, high.value);
    if (order > 0 || (order === 0 && (low.exclusive || high.exclusive))) return NEVER;
  }
  const limits = [low, ...(high === undefined ? [] : [high])].map(bound => new Limit(bound));
  const isFree = limits.length === 1 && limits[0]!.isZero;

  const mayEnd = ({ whole, fraction, plain }: Mantissa): boolean =>
    whole !== 0 &&
    fraction !== 0 &&
    limits.every((limit, i) => {
      const order = limit.end(fraction < 0 ? limit.endOfWhole(plain[i]!, whole) : plain[i]!, fraction);
      return order === 0 ? !limit.exclusive : order === (i === 0 ? 1 : -1);
    });

  const digit = (state: Mantissa, value: number): Mantissa | undefined => {
    const { whole, fraction, isZero, plain, significant } = state;
    if (fraction >= 0) {
      if (fraction === digits) return undefined;
      return {
        ...state,
        fraction: fraction + 1,
        isZero: isZero && value === 0,
        plain: limits.map((limit, i) => limit.fraction(plain[i]!, fraction, value)),
        significant: significant?.map((order, i) => limits[i]!.significant(order, fraction + 1, value)),
      };
    }
    // No zeros in front.
    if (whole === digits || (whole === 1 && isZero)) return undefined;
    return {
      ...state,
      whole: whole + 1,
      isZero: isZero && value === 0,
      plain: limits.map((limit, i) => limit.whole(plain[i]!, whole, value)),
      significant:
        whole === 0 && value !== 0 && !isFree
          ? limits.map(limit => limit.significant(0, 0, value))
          : undefined,
    };
  };

  const point = ({ whole, fraction, plain, ...state }: Mantissa): Mantissa | undefined =>
    integer || fraction >= 0 || whole === 0
      ? undefined
      : {
          ...state,
          whole: -1,
          fraction: 0,
          plain: limits.map((limit, i) => limit.endOfWhole(plain[i]!, whole)),
        };

  /** An exponent follows only what is valid without it, so that a number may always end. */
  const exponent = (state: Mantissa): ExponentState | undefined => {
    if (integer || !mayEnd(state)) return undefined;
    if (isFree || state.isZero) return exponents.first(-Infinity, Infinity);
    if (state.significant === undefined) return undefined;
    const places = 1 + Math.max(0, state.fraction);
    const [from = -Infinity, to = Infinity] = limits.map((limit, i) => {
      if (limit.isZero) return undefined;
      const side = i === 0 ? 1 : -1;
      const order = limit.endOfSignificant(state.significant![i]!, places);
      return order === side || (order === 0 && !limit.exclusive) ? limit.exponent : limit.exponent + side;
    });
    return exponents.first(from, to);
  };

  const dfa = stateMachine<State>(
    {
      first: FIRST,
      accepts: state => (state.kind === 'mantissa' ? mayEnd(state) : exponents.mayEnd(state)),
      next: (state, character) => {
        if (state.kind === 'exponent') return exponents.next(state, character);
        if (character >= '0' && character <= '9') return digit(state, Number(character));
        if (character === '.') return point(state);
        return character === 'e' || character === 'E' ? exponent(state) : undefined;
      },
      key: state =>
        state.kind === 'exponent'
          ? `e${state.sign} ${state.digits} ${state.value} ${state.from} ${state.to}`
          : `${state.whole} ${state.fraction} ${state.isZero} ${state.plain.join()} ${state.significant?.join()}`,
    },
    integer ? '0123456789' : '+-.0123456789Ee',
    budget,
  );
  return { kind: 'automaton', dfa, spell: one };
}

/** Most states of an automaton of multiples. */
const MULTIPLES = 1000;
/** Most states of the multiples of a divisor with bounds, about. */
const STATES = 18_000;

/** Digits before the point that multiples of a divisor may have: the automaton has as many states for each. */
export function digitsOfMultiples({ units }: Decimal): number {
  return units === 1n ? DIGITS : Math.min(DIGITS / 2, Math.floor(STATES / Number(units)));
}

/** The state of {@link multiples}: the remainder of the digits so far, and how many of them stand behind the point. */
interface Remainder {
  readonly value: number;
  /** -2: no digit yet; -1: no point yet. */
  readonly places: number;
}

/**
 * Decimal numbers that a divisor divides, with as many digits behind the point as the divisor has, or fewer.
 *
 * @throws Refusal where the divisor has too many digits.
 */
export function multiples(divisor: Decimal, budget: Budget): Dfa {
  const { places } = divisor;
  const units = Number(divisor.units);
  if (units * (places + 1) > MULTIPLES)
    throw new Refusal('', `must have few digits: an integer up to ${MULTIPLES}, or a fraction such as 0.01`);
  return stateMachine<Remainder>(
    {
      first: { value: 0, places: -2 },
      // Digits that are left out are zeros.
      accepts: state =>
        state.places !== -2 &&
        state.places !== 0 &&
        (state.value * 10 ** (places - Math.max(0, state.places))) % units === 0,
      next: (state, character) => {
        if (character === '-') return state.places === -2 ? state : undefined;
        if (character === '.') return state.places === -1 && places > 0 ? { ...state, places: 0 } : undefined;
        if (state.places === places && places > 0) return undefined;
        return {
          value: (state.value * 10 + Number(character)) % units,
          places: state.places >= 0 ? state.places + 1 : -1,
        };
      },
      key: state => `${state.value} ${state.places}`,
    },
    '-.0123456789',
    budget,
  );
}
