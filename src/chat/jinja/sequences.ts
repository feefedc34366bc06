import { needIndex } from './arguments.js';
import { fail } from './errors.js';
import { isList, textOf } from './python.js';
import type { Run } from './run.js';
import { characters } from './text.js';
import { Markup, Range, Tuple, type Slice, type Value } from './values.js';

/** A place from the beginning, or from the end if negative, within 0 and the length. */
export function clamp(value: Value | undefined, length: number, otherwise: number): number {
  if (value === undefined || value === null) return otherwise;
  const index = needIndex(value);
  return index < 0 ? Math.max(0, index + length) : Math.min(index, length);
}

/**
 * `value[start:stop:step]`.
 *
 * @returns undefined where the value has no slices.
 * @throws TemplateError
 */
export function slice(value: Value, { start, stop, step }: Slice, run: Run): Value | undefined {
  const by = step === null ? 1 : needIndex(step);
  if (by === 0) fail('slice step cannot be zero');
  const place = (index: Value, length: number, otherwise: number): number => {
    if (index === null) return otherwise;
    const at = needIndex(index);
    // Backwards, the place before the first item counts, too.
    const [low, high] = by > 0 ? [0, length] : [-1, length - 1];
    return Math.max(low, Math.min(at < 0 ? at + length : at, high));
  };
  const limits = (length: number): [first: number, end: number] => [
    place(start, length, by > 0 ? 0 : length - 1),
    place(stop, length, by > 0 ? length : -1),
  ];
  const take = <T>(items: readonly T[]): T[] => {
    const [first, end] = limits(items.length);
    if (by === 1) return items.slice(first, Math.max(first, end));
    const taken: T[] = [];
    for (let i = first; by > 0 ? i < end : i > end; i += by) taken.push(items[i]!);
    return taken;
  };
  if (isList(value)) {
    run.step(value.length);
    return take(value);
  }
  if (value instanceof Tuple) return new Tuple(take(value.items));
  const text = textOf(value);
  if (text !== undefined) {
    run.pass(text);
    const part = take(characters(text)).join('');
    return value instanceof Markup ? new Markup(part) : part;
  }
  if (value instanceof Range) {
    const [first, end] = limits(value.length);
    return new Range(value.at(first), value.at(end), value.step * by);
  }
  return undefined;
}

/** The item at an index, or undefined where there is none or the value has no items by number. */
export function itemAt(value: Value, index: number): Value | undefined {
  if (isList(value)) return value.at(index);
  if (value instanceof Tuple) return value.items.at(index);
  const text = textOf(value);
  if (text !== undefined) {
    const character = characters(text).at(index);
    return value instanceof Markup && character !== undefined ? new Markup(character) : character;
  }
  if (value instanceof Range) {
    const at = index < 0 ? index + value.length : index;
    return at >= 0 && at < value.length ? value.at(at) : undefined;
  }
  return undefined;
}
