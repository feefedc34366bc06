import { fail } from './errors.js';
import { isInt, isNumber, toNumber } from './numbers.js';
import type { Run } from './run.js';
import { characters, compareTexts, lengthOf } from './text.js';
import {
  Dict,
  Float,
  Markup,
  Range,
  Slice,
  Stream,
  Thing,
  Tuple,
  Undefined,
  View,
  type Value,
} from './values.js';

/** Python's name of a value's type. */
export function typeName(value: Value): string {
  if (typeof value === 'string') return 'str';
  if (typeof value === 'boolean') return 'bool';
  if (typeof value === 'bigint') return 'int';
  if (typeof value === 'number') return Number.isInteger(value) ? 'int' : 'float';
  if (value === null) return 'NoneType';
  if (value instanceof Float) return 'float';
  if (value instanceof Dict) return 'dict';
  if (value instanceof Tuple) return 'tuple';
  if (value instanceof Markup) return 'Markup';
  if (value instanceof Range) return 'range';
  if (value instanceof View) return `dict_${value.kind}`;
  if (value instanceof Undefined) return 'Undefined';
  if (value instanceof Slice) return 'slice';
  if (value instanceof Stream || value instanceof Thing) return value.type;
  return 'list';
}

export function isList(value: Value): value is readonly Value[] {
  return Array.isArray(value);
}

/** The text of a str, HTML or not; undefined for all else. */
export function textOf(value: Value): string | undefined {
  return typeof value === 'string' ? value : value instanceof Markup ? value.text : undefined;
}

/** `bool(value)`. */
export function truth(value: Value): boolean {
  if (typeof value === 'boolean') return value;
  if (value === null || value === '' || value === 0 || value instanceof Undefined) return false;
  if (value instanceof Dict) return value.size > 0;
  if (isList(value)) return value.length > 0;
  if (value instanceof Tuple) return value.items.length > 0;
  if (value instanceof Float) return value.number !== 0;
  if (value instanceof Markup) return value.text !== '';
  if (value instanceof Range) return value.length > 0;
  if (value instanceof View) return value.dict.size > 0;
  return true;
}

/** The items of a list, tuple, dict, text and so on; undefined where there can be none. */
export function itemsOf(value: Value): Iterable<Value> | undefined {
  if (isList(value)) return value;
  const text = textOf(value);
  if (text !== undefined) return characters(text);
  if (value instanceof Dict) return value.keys();
  if (value instanceof Tuple) return value.items;
  if (value instanceof Stream || value instanceof View) return value;
  if (value instanceof Undefined) return [];
  if (value instanceof Range) return Array.from({ length: value.length }, (_, i) => value.at(i));
  if (value instanceof Thing) return value.iterate();
  return undefined;
}

/** @throws TemplateError where there can be no items. */
export function iterate(value: Value): Iterable<Value> {
  return itemsOf(value) ?? fail(`'${typeName(value)}' object is not iterable`);
}

/** `list(value)`. @throws TemplateError, TemplateTooLarge */
export function listOf(value: Value, run: Run): Value[] {
  const list: Value[] = [];
  for (const item of iterate(value)) {
    run.step();
    list.push(item);
    run.room(list.length);
  }
  return list;
}

/** `len(value)`; undefined where it has none. */
export function sizeOf(value: Value): number | undefined {
  if (isList(value)) return value.length;
  const text = textOf(value);
  if (text !== undefined) return lengthOf(text);
  if (value instanceof Dict) return value.size;
  if (value instanceof Tuple) return value.items.length;
  if (value instanceof View) return value.dict.size;
  if (value instanceof Range) return value.length;
  if (value instanceof Undefined) return 0;
  if (value instanceof Thing) {
    const { length } = value as { length?: unknown };
    return typeof length === 'number' ? length : undefined;
  }
  return undefined;
}

/** `left == right`. */
export function equal(left: Value, right: Value, run: Run): boolean {
  if (left === right) return !Number.isNaN(left);
  if (typeof left === 'string' && typeof right === 'string') return false;
  if (isNumber(left) && isNumber(right)) return compareNumbers(left, right) === 0;
  if (typeof left !== 'object' || typeof right !== 'object' || left === null || right === null)
    return left instanceof Markup || right instanceof Markup ? textOf(left) === textOf(right) : false;
  run.step();
  if (isList(left)) return isList(right) && equalItems(left, right, run);
  if (left instanceof Tuple) return right instanceof Tuple && equalItems(left.items, right.items, run);
  if (left instanceof Dict) return right instanceof Dict && equalDicts(left, right, run);
  if (left instanceof Undefined) return right instanceof Undefined;
  if (left instanceof Markup) return right instanceof Markup && left.text === right.text;
  if (left instanceof Range && right instanceof Range)
    return equalItems([...iterate(left)], [...iterate(right)], run);
  if (left instanceof View && right instanceof View && left.kind !== 'values' && right.kind !== 'values')
    return left.dict.size === right.dict.size && [...left].every(item => contains(right, item, run));
  return false;
}

function equalItems(left: readonly Value[], right: readonly Value[], run: Run): boolean {
  return (
    left.length === right.length && left.every((item, i) => item === right[i] || equal(item, right[i]!, run))
  );
}

function equalDicts(left: Dict, right: Dict, run: Run): boolean {
  if (left.size !== right.size) return false;
  for (const [key, value] of left.entries()) {
    const other = right.get(key);
    if (other === undefined || !(other === value || equal(value, other, run))) return false;
  }
  return true;
}

/** Less than 0, 0 or more; NaN where one of them is none. */
function compareNumbers(
  left: number | bigint | boolean | Float,
  right: number | bigint | boolean | Float,
): number {
  const a = typeof left === 'bigint' ? left : toNumber(left);
  const b = typeof right === 'bigint' ? right : toNumber(right);
  return a < b ? -1 : a > b ? 1 : a == b ? 0 : NaN;
}

/**
 * The order of two values, for `<` and its kin.
 *
 * @param operator for the failure's message.
 * @returns less than 0, 0 or more; NaN where a number is none.
 * @throws TemplateError where they have no order; UndefinedError
 */
export function compare(left: Value, right: Value, operator: string, run: Run): number {
  run.step();
  if (isNumber(left) && isNumber(right)) return compareNumbers(left, right);
  const [a, b] = [textOf(left), textOf(right)];
  if (a !== undefined && b !== undefined) return compareTexts(a, b);
  for (const value of [left, right]) if (value instanceof Undefined) fail(value.message);
  const lists = isList(left) && isList(right) ? ([left, right] as const) : undefined;
  const tuples =
    left instanceof Tuple && right instanceof Tuple ? ([left.items, right.items] as const) : undefined;
  const pair = lists ?? tuples;
  if (pair === undefined)
    return fail(
      `'${operator}' not supported between instances of '${typeName(left)}' and '${typeName(right)}'`,
    );
  const [first, second] = pair;
  for (let i = 0; i < first.length && i < second.length; i++)
    if (!equal(first[i]!, second[i]!, run)) return compare(first[i]!, second[i]!, operator, run);
  return first.length - second.length;
}

/** `value in container`. @throws TemplateError where nothing can be in it. */
export function contains(container: Value, value: Value, run: Run): boolean {
  const text = textOf(container);
  if (text !== undefined) {
    const part = textOf(value);
    if (part === undefined) fail(`'in <string>' requires string as left operand, not ${typeName(value)}`);
    return text.includes(part);
  }
  if (container instanceof Dict) return container.has(value);
  if (container instanceof View && container.kind === 'keys') return container.dict.has(value);
  if (container instanceof Range) {
    if (!isNumber(value)) return false;
    const index = (toNumber(value) - container.start) / container.step;
    return Number.isInteger(index) && index >= 0 && index < container.length;
  }
  const items = itemsOf(container) ?? fail(`argument of type '${typeName(container)}' is not iterable`);
  for (const item of items) if (item === value || equal(item, value, run)) return true;
  return false;
}

/** The same object, for `is sameas`. Small values are the same where they are equal and of one type. */
export function same(left: Value, right: Value): boolean {
  if (left === right) return true;
  return isInt(left) && isInt(right) && left == right;
}
