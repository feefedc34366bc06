import { fail } from './errors.js';
import { equal, iterate, sizeOf } from './python.js';
import type { Run } from './run.js';
import { Func, Thing, Tuple, Undefined, type Keywords, type Value } from './values.js';

/** Renders the body of a recursive loop over other items. */
export type Recurse = (items: Value, depth: number) => Value;

/** The variable `loop` within a loop, which also goes from item to item. */
export class Loop extends Thing {
  override readonly type = 'LoopContext';
  readonly #iterable: Value;
  readonly #depth: number;
  #iterator: Iterator<Value>;
  /** The item that was looked at ahead. */
  #ahead: IteratorResult<Value> | undefined;
  #index = -1;
  #previous: Value | undefined;
  #current: Value | undefined;
  #size: number | undefined;
  #changed: Value | undefined;

  override readonly call: (run: Run, args: readonly Value[], keywords: Keywords) => Value;

  /**
   * @param items that `iterable` has, fewer where a condition chooses.
   * @param depth of recursion, from 0.
   * @param recurse undefined where the loop is not recursive.
   */
  constructor(iterable: Value, items: Iterable<Value>, depth: number, recurse: Recurse | undefined) {
    super();
    this.#iterable = iterable;
    this.#iterator = items[Symbol.iterator]();
    this.#depth = depth;
    this.call = (_, [inner]) => {
      if (recurse === undefined)
        return fail("The loop must have the 'recursive' marker to be called recursively.");
      return recurse(inner === undefined ? fail('loop() missing a required argument') : inner, depth + 1);
    };
  }

  /** @returns undefined behind the last item. */
  next(): Value | undefined {
    const next: IteratorResult<Value, unknown> = this.#ahead ?? this.#iterator.next();
    this.#ahead = undefined;
    if (next.done === true) return undefined;
    this.#index++;
    this.#previous = this.#current;
    this.#current = next.value;
    return this.#current;
  }

  #peek(): Value | undefined {
    this.#ahead ??= this.#iterator.next();
    return this.#ahead.done === true ? undefined : this.#ahead.value;
  }

  /** Number of items; what cannot tell it is read to the end. */
  #length(): number {
    if (this.#size !== undefined) return this.#size;
    const known = sizeOf(this.#iterable);
    if (known !== undefined) return (this.#size = known);
    const rest: Value[] = [];
    for (let next = this.#iterator.next(); next.done !== true; next = this.#iterator.next())
      rest.push(next.value);
    this.#iterator = rest[Symbol.iterator]();
    return (this.#size = rest.length + this.#index + 1 + (this.#ahead?.done === false ? 1 : 0));
  }

  override attribute(name: string, run: Run): Value | undefined {
    const index = this.#index;
    switch (name) {
      case 'index':
        return index + 1;
      case 'index0':
        return index;
      case 'first':
        return index === 0;
      case 'last':
        return this.#peek() === undefined;
      case 'length':
        return this.#length();
      case 'revindex':
        return this.#length() - index;
      case 'revindex0':
        return this.#length() - index - 1;
      case 'previtem':
        return index === 0 ? new Undefined('there is no previous item') : this.#previous;
      case 'nextitem':
        return this.#peek() === undefined ? new Undefined('there is no next item') : this.#peek();
      case 'depth':
        return this.#depth + 1;
      case 'depth0':
        return this.#depth;
      case 'cycle':
        return new Func('cycle', (_, args) =>
          args.length === 0 ? fail('no items for cycling given') : args[index % args.length]!,
        );
      case 'changed':
        return new Func('changed', (_, args) => {
          const value = new Tuple(args);
          if (this.#changed !== undefined && equal(this.#changed, value, run)) return false;
          this.#changed = value;
          return true;
        });
    }
    return undefined;
  }

  get length(): number {
    return this.#length();
  }

  override *iterate(): Generator<Value> {
    for (let item = this.next(); item !== undefined; item = this.next()) yield new Tuple([item, this]);
  }

  override print(): string {
    return `<LoopContext ${this.#index + 1}/${this.#length()}>`;
  }
}

/** The items of a loop, those that a condition lets pass. The condition is asked when an item is needed. */
export function* passing(items: Value, passes: (item: Value) => boolean): Generator<Value> {
  for (const item of iterate(items)) if (passes(item)) yield item;
}
