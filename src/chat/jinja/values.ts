import { UnhashableError } from './errors.js';
import type { Run } from './run.js';

/**
 * A value of a template, which stands for one of Python's:
 *
 * - `null`, `boolean` and `string` for None, bool and str
 * - a `number` that is whole, or a `bigint` beyond the safe integers, for int
 * - a `number` that is not whole, or a {@link Float}, for float
 * - an array for list
 */
export type Value =
  | null
  | boolean
  | number
  | bigint
  | string
  | readonly Value[]
  | Float
  | Markup
  | Tuple
  | Dict
  | Range
  | Stream
  | View
  | Slice
  | Undefined
  | Thing;

/** A float whose number is whole, such as 1.0: a JavaScript number would be an int. */
export class Float {
  readonly number: number;

  constructor(number: number) {
    this.number = number;
  }
}

/** A str that counts as HTML: what is joined to it is escaped. */
export class Markup {
  readonly text: string;

  constructor(text: string) {
    this.text = text;
  }
}

/** A tuple. */
export class Tuple {
  readonly items: readonly Value[];
  /** Names of the items, if it is a named one. */
  readonly names: readonly string[];

  constructor(items: readonly Value[], names: readonly string[] = []) {
    this.items = items;
    this.names = names;
  }
}

/** What `range` gives: whole numbers from `start` to before `stop`. */
export class Range {
  readonly start: number;
  readonly stop: number;
  readonly step: number;
  readonly length: number;

  constructor(start: number, stop: number, step: number) {
    this.start = start;
    this.stop = stop;
    this.step = step;
    this.length = Math.max(0, Math.ceil((stop - start) / step));
  }

  /** @param index from 0 to before `length`. */
  at(index: number): number {
    return this.start + index * this.step;
  }
}

/** An iterator, such as a generator: it can be read once. */
export class Stream {
  /** Python's name of its type. */
  readonly type: string;
  readonly #iterator: Iterator<Value>;

  constructor(iterable: Iterable<Value>, type = 'generator') {
    this.type = type;
    this.#iterator = iterable[Symbol.iterator]();
  }

  next(): IteratorResult<Value> {
    return this.#iterator.next();
  }

  /** Reads on. Whoever stops early leaves the rest for the next reader. */
  [Symbol.iterator](): Iterator<Value> {
    return { next: () => this.#iterator.next() };
  }
}

/** The keys, values or items of a dict. */
export class View {
  readonly dict: Dict;
  readonly kind: 'keys' | 'values' | 'items';

  constructor(dict: Dict, kind: 'keys' | 'values' | 'items') {
    this.dict = dict;
    this.kind = kind;
  }

  *[Symbol.iterator](): Iterator<Value> {
    if (this.kind === 'keys') yield* this.dict.keys();
    else if (this.kind === 'values') yield* this.dict.values();
    else for (const [key, value] of this.dict.entries()) yield new Tuple([key, value]);
  }
}

/** The argument of `[start:stop:step]`. */
export class Slice {
  readonly start: Value;
  readonly stop: Value;
  readonly step: Value;

  constructor(start: Value, stop: Value, step: Value) {
    this.start = start;
    this.stop = stop;
    this.step = step;
  }
}

/** A variable, attribute or item that is not there. Printing it gives nothing; almost all else fails. */
export class Undefined {
  readonly #message: string | (() => string);

  /** @param message of the failure. */
  constructor(message: string | (() => string)) {
    this.#message = message;
  }

  get message(): string {
    return typeof this.#message === 'string' ? this.#message : this.#message();
  }
}

/** Keyword arguments by name. */
export type Keywords = ReadonlyMap<string, Value>;

export const NO_KEYWORDS: Keywords = new Map();

/** An object that is none of Python's built-in data: a function, a namespace, `loop`. */
export abstract class Thing {
  /** Python's name of its type. */
  abstract readonly type: string;

  /** @returns undefined where there is no such attribute. */
  attribute(_name: string, _run: Run): Value | undefined {
    return undefined;
  }

  /** Undefined where it cannot be called. */
  readonly call: ((run: Run, args: readonly Value[], keywords: Keywords) => Value) | undefined = undefined;

  /** Its items, undefined where it has none. */
  iterate(): Iterable<Value> | undefined {
    return undefined;
  }

  /** How `repr` prints it. */
  print(_run: Run): string {
    return `<${this.type} object>`;
  }
}

/** A function that templates can call. */
export class Func extends Thing {
  override readonly type: string;
  readonly name: string;
  override readonly call: (run: Run, args: readonly Value[], keywords: Keywords) => Value;

  constructor(
    name: string,
    call: (run: Run, args: readonly Value[], keywords: Keywords) => Value,
    type = 'builtin_function_or_method',
  ) {
    super();
    this.name = name;
    this.call = call;
    this.type = type;
  }

  override print(): string {
    return `<built-in method ${this.name}>`;
  }
}

/** What a dict finds a key by: equal keys have the same one. */
type Hash = string | number | bigint | null | object;

/** A dict, in order of insertion. */
export class Dict {
  readonly #values = new Map<Hash, Value>();
  /** Keys that are not their own hash. */
  #keys: Map<Hash, Value> | undefined;

  /** @throws TemplateError where a key cannot be one. */
  constructor(entries: Iterable<readonly [Value, Value]> = []) {
    for (const [key, value] of entries) this.set(key, value);
  }

  get size(): number {
    return this.#values.size;
  }

  /** Sets a value while the dict is built. An equal key that is there stays. */
  set(key: Value, value: Value): void {
    const hash = hashOf(key);
    if (hash !== key && !this.#values.has(hash)) (this.#keys ??= new Map()).set(hash, key);
    this.#values.set(hash, value);
  }

  /**
   * @returns undefined where there is no such key.
   * @throws TemplateError where the key is a list or a dict.
   */
  get(key: Value): Value | undefined {
    return this.#values.get(typeof key === 'string' && key.charCodeAt(0) !== 0 ? key : hashOf(key));
  }

  has(key: Value): boolean {
    return this.get(key) !== undefined;
  }

  values(): IterableIterator<Value> {
    return this.#values.values();
  }

  *keys(): IterableIterator<Value> {
    for (const hash of this.#values.keys()) yield this.#key(hash);
  }

  *entries(): IterableIterator<readonly [Value, Value]> {
    for (const [hash, value] of this.#values) yield [this.#key(hash), value];
  }

  #key(hash: Hash): Value {
    return this.#keys?.get(hash) ?? (hash as Value);
  }
}

/** @throws TemplateError where the value has no hash, as lists and dicts. */
export function hashOf(value: Value): Hash {
  if (typeof value === 'string') return value.charCodeAt(0) === 0 ? `\0s${value}` : value;
  if (typeof value === 'boolean') return value ? 1 : 0;
  if (typeof value === 'number' || typeof value === 'bigint') return value;
  if (value instanceof Float)
    return Number.isSafeInteger(value.number) || !Number.isFinite(value.number)
      ? value.number
      : BigInt(value.number);
  if (value instanceof Markup) return hashOf(value.text);
  if (value instanceof Tuple) return `\0t${value.items.map(partOfHash).join('')}`;
  if (value instanceof Undefined) return '\0u';
  if (Array.isArray(value)) throw new UnhashableError("unhashable type: 'list'");
  if (value instanceof Dict) throw new UnhashableError("unhashable type: 'dict'");
  if (value instanceof View && value.kind !== 'values')
    throw new UnhashableError(`unhashable type: 'dict_${value.kind}'`);
  return value;
}

/** The hash of a part, so that no other parts have the same text together. */
function partOfHash(value: Value): string {
  const hash = hashOf(value);
  if (typeof hash === 'object' && hash !== null)
    throw new UnhashableError('a tuple with an object in it cannot be a key here');
  const text = String(hash);
  return `${typeof hash}${text.length}:${text}`;
}

/** Whether a value can be a key. */
export function isHashable(value: Value): boolean {
  try {
    hashOf(value);
    return true;
  } catch {
    return false;
  }
}
