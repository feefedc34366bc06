import { KvasirError } from '#errors.js';

/** A value that is no list. Integers of 64 bits are bigints where a double would not hold them. */
export type GgufScalar = number | bigint | boolean | string;

/** A list of the metadata: numbers as a typed array of their own type. */
export type GgufArray =
  | Uint8Array
  | Int8Array
  | Uint16Array
  | Int16Array
  | Uint32Array
  | Int32Array
  | Float32Array
  | Float64Array
  | BigUint64Array
  | BigInt64Array
  | readonly string[]
  | readonly boolean[]
  | readonly GgufArray[];

/** A value of a GGUF file's metadata. */
export type GgufValue = GgufScalar | GgufArray;

/** A list that is read from the file's bytes when it is asked for: vocabularies are long, and few ask for them. */
export class LateList {
  readonly #read: () => GgufArray;
  #list: GgufArray | undefined;

  /** @param read may throw KvasirError `invalid_model`. */
  constructor(read: () => GgufArray) {
    this.#read = read;
  }

  get list(): GgufArray {
    return (this.#list ??= this.#read());
  }
}

/**
 * The metadata of a GGUF file, read key by key: each has a type, and an error that names it. Every method
 * throws KvasirError `invalid_model` where a key without a fallback is missing, or its value is of another
 * type.
 */
export class GgufMetadata {
  readonly #file: string;
  readonly #values: ReadonlyMap<string, GgufValue | LateList>;

  /** @param file what errors call it. */
  constructor(file: string, values: ReadonlyMap<string, GgufValue | LateList>) {
    this.#file = file;
    this.#values = values;
  }

  has(key: string): boolean {
    return this.#values.has(key);
  }

  /** The value as it stands; undefined where there is none. */
  get(key: string): GgufValue | undefined {
    const value = this.#values.get(key);
    return value instanceof LateList ? value.list : value;
  }

  keys(): IterableIterator<string> {
    return this.#values.keys();
  }

  string(key: string, fallback?: string): string {
    return this.#read(key, fallback, isString, 'a string');
  }

  flag(key: string, fallback?: boolean): boolean {
    return this.#read(key, fallback, isFlag, 'true or false');
  }

  /** A finite number. */
  number(key: string, fallback?: number): number {
    return this.#read(key, fallback, isNumber, 'a number');
  }

  /** An integer of at least 0. */
  count(key: string, fallback?: number): number {
    return this.#read(key, fallback, isCount, 'an integer of at least 0');
  }

  strings(key: string, fallback?: readonly string[]): readonly string[] {
    return this.#read(key, fallback, isStrings, 'a list of strings');
  }

  /** A list of numbers of any type; those of 64 bits must be exact in doubles. */
  numbers(key: string, fallback?: readonly number[]): readonly number[] {
    const value = this.get(key) ?? fallback;
    if (value === undefined) throw this.invalid(`${key} is missing`);
    const numbers = asNumbers(value);
    if (numbers === undefined) throw this.invalid(`${key} is ${kindOf(value)}, expected a list of numbers`);
    return numbers;
  }

  /** A list of true and false. */
  flags(key: string, fallback?: readonly boolean[]): readonly boolean[] {
    return this.#read(key, fallback, isFlags, 'a list of true and false');
  }

  /** The error `invalid_model` for this file. */
  invalid(fault: string): KvasirError {
    return new KvasirError('invalid_model', `${this.#file}: ${fault}`);
  }

  /** The error `unsupported_model` for this file. */
  unsupported(fault: string): KvasirError {
    return new KvasirError('unsupported_model', `${this.#file}: ${fault}`);
  }

  #read<T extends GgufValue>(
    key: string,
    fallback: T | undefined,
    fits: (value: GgufValue) => value is T,
    expected: string,
  ): T {
    const value = this.get(key) ?? fallback;
    if (value === undefined) throw this.invalid(`${key} is missing`);
    if (!fits(value)) throw this.invalid(`${key} is ${kindOf(value)}, expected ${expected}`);
    return value;
  }
}

function isString(value: GgufValue): value is string {
  return typeof value === 'string';
}

function isFlag(value: GgufValue): value is boolean {
  return typeof value === 'boolean';
}

function isNumber(value: GgufValue): value is number {
  return typeof value === 'number' && Number.isFinite(value);
}

function isCount(value: GgufValue): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}

function isStrings(value: GgufValue): value is readonly string[] {
  return Array.isArray(value) && value.every(element => typeof element === 'string');
}

function isFlags(value: GgufValue): value is readonly boolean[] {
  return Array.isArray(value) && value.every(element => typeof element === 'boolean');
}

function asNumbers(value: GgufValue | readonly number[]): readonly number[] | undefined {
  if (value instanceof BigUint64Array || value instanceof BigInt64Array) {
    const numbers = Array.from<bigint, number>(value, Number);
    return numbers.every(Number.isSafeInteger) ? numbers : undefined;
  }
  if (ArrayBuffer.isView(value)) return Array.from(value);
  return Array.isArray(value) && value.every(element => typeof element === 'number') ? value : undefined;
}

/** A value in an error: short ones as they are. */
function kindOf(value: GgufValue | readonly number[]): string {
  if (typeof value === 'object') return `a list of ${value.length}`;
  if (typeof value === 'string') return value.length > 64 ? 'a string' : JSON.stringify(value);
  return String(value);
}
