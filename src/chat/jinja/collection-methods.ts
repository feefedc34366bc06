import { fail } from './errors.js';
import { bitLength, float, isFloat, isNumber, toInteger, toNumber } from './numbers.js';
import { repr } from './print.js';
import { contains, equal, iterate } from './python.js';
import type { Run } from './run.js';
import { clamp } from './sequences.js';
import type { Method } from './text-methods.js';
import type { Tuple } from './values.js';
import { Dict, Func, View, type Float, type Range, type Value } from './values.js';

/** Methods that change what they are of: the sandbox of transformers does not let templates at them. */
export const MUTATING = {
  dict: new Set(['clear', 'pop', 'popitem', 'setdefault', 'update']),
  list: new Set(['append', 'clear', 'pop', 'reverse', 'insert', 'sort', 'extend', 'remove']),
};

const NONE: readonly string[] = [];

export const DICT_METHODS: ReadonlyMap<string, Method<Dict>> = new Map(
  Object.entries({
    copy: { parameters: NONE, required: 0, apply: self => new Dict(self.entries()) },
    fromkeys: {
      parameters: ['iterable', 'value'],
      required: 1,
      apply: (_, [keys, value = null]) => new Dict([...iterate(keys!)].map(key => [key, value] as const)),
    },
    get: {
      parameters: ['key', 'default'],
      required: 1,
      apply: (self, [key, otherwise = null]) => {
        const value = self.get(key!);
        return value === undefined ? otherwise : value;
      },
    },
    items: { parameters: NONE, required: 0, apply: self => new View(self, 'items') },
    keys: { parameters: NONE, required: 0, apply: self => new View(self, 'keys') },
    values: { parameters: NONE, required: 0, apply: self => new View(self, 'values') },
  } satisfies Record<string, Method<Dict>>),
);

function indexIn(
  items: readonly Value[],
  value: Value,
  start: Value | undefined,
  stop: Value | undefined,
  run: Run,
): number {
  const end = clamp(stop, items.length, items.length);
  for (let i = clamp(start, items.length, 0); i < end; i++) if (equal(items[i]!, value, run)) return i;
  return -1;
}

function countIn(items: readonly Value[], value: Value, run: Run): number {
  return items.filter(item => equal(item, value, run)).length;
}

export const LIST_METHODS: ReadonlyMap<string, Method<readonly Value[]>> = new Map(
  Object.entries({
    copy: { parameters: NONE, required: 0, apply: self => [...self] },
    count: { parameters: ['value'], required: 1, apply: (self, [value], run) => countIn(self, value!, run) },
    index: {
      parameters: ['value', 'start', 'stop'],
      required: 1,
      apply: (self, [value, start, stop], run) => {
        const index = indexIn(self, value!, start, stop, run);
        return index < 0 ? fail(`${repr(value!, run)} is not in list`) : index;
      },
    },
  } satisfies Record<string, Method<readonly Value[]>>),
);

export const TUPLE_METHODS: ReadonlyMap<string, Method<Tuple>> = new Map(
  Object.entries({
    count: {
      parameters: ['value'],
      required: 1,
      apply: (self, [value], run) => countIn(self.items, value!, run),
    },
    index: {
      parameters: ['value', 'start', 'stop'],
      required: 1,
      apply: (self, [value, start, stop], run) => {
        const index = indexIn(self.items, value!, start, stop, run);
        return index < 0 ? fail('tuple.index(x): x not in tuple') : index;
      },
    },
  } satisfies Record<string, Method<Tuple>>),
);

export const RANGE_METHODS: ReadonlyMap<string, Method<Range>> = new Map(
  Object.entries({
    count: {
      parameters: ['value'],
      required: 1,
      apply: (self, [value], run) => Number(contains(self, value!, run)),
    },
    index: {
      parameters: ['value'],
      required: 1,
      apply: (self, [value], run) => {
        if (!isNumber(value!) || !contains(self, value, run))
          return fail(`${repr(value!, run)} is not in range`);
        return (toNumber(value) - self.start) / self.step;
      },
    },
  } satisfies Record<string, Method<Range>>),
);

type AnyNumber = number | bigint | boolean | Float;

const plain = (value: AnyNumber): Value => toInteger(value) ?? value;

/** Attributes of numbers; undefined where the kind of number has none of that name. */
export const NUMBER_ATTRIBUTES: Readonly<Record<string, (value: AnyNumber) => Value | undefined>> = {
  real: plain,
  imag: value => (isFloat(value) ? float(0) : 0),
  numerator: value => toInteger(value),
  denominator: value => (isFloat(value) ? undefined : 1),
  conjugate: value => new Func('conjugate', () => plain(value)),
  bit_length: value =>
    isFloat(value) ? undefined : new Func('bit_length', () => bitLength(BigInt(toInteger(value)!))),
  is_integer: value =>
    isFloat(value) ? new Func('is_integer', () => Number.isInteger(toNumber(value))) : undefined,
};
