import { isUtf8 } from 'node:buffer';
import { KvasirError } from '#errors.js';
import { LateList, type GgufArray, type GgufScalar, type GgufValue } from './metadata.js';
import { sizeOfType, typeOfNumber, type GgufType } from './types.js';

/** A tensor as the header of a file describes it. */
export interface TensorDescription {
  readonly type: GgufType;
  /** Row-major, the rows' length last, as safetensors have it: the file says it the other way round. */
  readonly shape: readonly number[];
  /** First byte, counted from the beginning of the file. */
  readonly offset: number;
  readonly bytes: number;
}

/** All of a GGUF file but the tensors' bytes. */
export interface GgufHeader {
  /** Long lists are read, and their texts checked, when they are asked for. */
  readonly metadata: ReadonlyMap<string, GgufValue | LateList>;
  readonly tensors: ReadonlyMap<string, TensorDescription>;
}

/** `GGUF` as a number. */
const MAGIC = 0x46554747;
/** Bytes before the first key: magic, version, and the numbers of tensors and of keys. */
const FIXED = 24;
/** The least bytes of an entry: lengths, types and dimensions of what has an empty name and no elements. */
const SMALLEST_VALUE = 13;
const SMALLEST_TENSOR = 24;
/** No file of llama.cpp's has a name that is longer than 64, or keys of nearly that length. */
const LONGEST_NAME = 1024;
const MOST_AXES = 4;
const DEEPEST_LIST = 4;
/** Strings, truth values and lists of all lists together: each takes more memory than its bytes in the file. */
const MOST_ELEMENTS = 2 ** 23;
const DEFAULT_ALIGNMENT = 32;

const VALUE_TYPES = [
  'uint8',
  'int8',
  'uint16',
  'int16',
  'uint32',
  'int32',
  'float32',
  'bool',
  'string',
  'array',
  'uint64',
  'int64',
  'float64',
] as const;

type ValueType = (typeof VALUE_TYPES)[number];
type NumberType = Exclude<ValueType, 'bool' | 'string' | 'array'>;

const NUMBER_ARRAYS = {
  uint8: Uint8Array,
  int8: Int8Array,
  uint16: Uint16Array,
  int16: Int16Array,
  uint32: Uint32Array,
  int32: Int32Array,
  float32: Float32Array,
  uint64: BigUint64Array,
  int64: BigInt64Array,
  float64: Float64Array,
} as const;

function leastBytes(type: ValueType): number {
  if (type === 'bool') return 1;
  if (type === 'string') return 8;
  return type === 'array' ? 12 : NUMBER_ARRAYS[type].BYTES_PER_ELEMENT;
}

/**
 * Reads and checks the header of a GGUF file (https://github.com/ggml-org/ggml/blob/master/docs/gguf.md) of
 * version 2 or 3, little endian, or of what claims to be one: every key and tensor is there once, every
 * tensor has a known type, a shape, and a place in the file that it shares with no other.
 *
 * @param bytes the file's beginning.
 * @param fileSize bytes of the whole file.
 * @returns undefined where the header is longer than `bytes`.
 * @throws KvasirError `invalid_model`, naming the file and the fault; `unsupported_model` for versions, byte
 * orders and types that are not known
 */
export function parseHeader(file: string, bytes: Buffer, fileSize: number): GgufHeader | undefined {
  const reader = new HeaderReader(file, bytes, fileSize);
  try {
    return reader.header();
  } catch (error) {
    if (error === NEEDS_MORE) return undefined;
    throw error;
  }
}

/** Thrown where the bytes at hand end before the header does. */
const NEEDS_MORE = new Error('the header goes on');

class HeaderReader {
  readonly #file: string;
  readonly #bytes: Buffer;
  readonly #fileSize: number;
  #position = 0;
  #elements = 0;

  constructor(file: string, bytes: Buffer, fileSize: number) {
    this.#file = file;
    this.#bytes = bytes;
    this.#fileSize = fileSize;
  }

  header(): GgufHeader {
    if (this.#fileSize < FIXED) throw this.#invalid(`${this.#fileSize} bytes are not a GGUF file`);
    if (this.#uint32() !== MAGIC) throw this.#invalid('does not begin with GGUF, as GGUF files do');
    this.#checkVersion(this.#uint32());
    const tensors = this.#count('tensors', SMALLEST_TENSOR);
    const values = this.#count('keys', SMALLEST_VALUE);
    const metadata = this.#metadata(values);
    return { metadata, tensors: this.#tensors(tensors, this.#alignment(metadata)) };
  }

  #checkVersion(version: number): void {
    if (version === 2 || version === 3) return;
    // A small number, read from the wrong end.
    const fault =
      (version & 0xffff) === 0
        ? 'is big endian; little endian GGUF files are read'
        : `is of version ${version} of GGUF; 2 and 3 are read`;
    throw new KvasirError('unsupported_model', `${this.#file}: ${fault}`);
  }

  #metadata(count: number): Map<string, GgufValue | LateList> {
    const metadata = new Map<string, GgufValue | LateList>();
    for (let i = 0; i < count; i++) {
      const key = this.#name('a key');
      if (metadata.has(key)) throw this.#invalid(`the key '${key}' is there twice`);
      metadata.set(key, this.#topValue(key, this.#valueType(key)));
    }
    return metadata;
  }

  #valueType(key: string): ValueType {
    const number = this.#uint32();
    const type = VALUE_TYPES[number];
    if (type === undefined) throw this.#invalid(`the key '${key}' has an unknown type: ${number}`);
    return type;
  }

  #topValue(key: string, type: ValueType): GgufValue | LateList {
    const begin = this.#position;
    if (type !== 'array' || this.#valueType(key) !== 'string') {
      this.#position = begin;
      return this.#value(key, type, 0);
    }
    const count = this.#countElements(key, 'string');
    for (let i = 0; i < count; i++) this.#take(this.#textLength(key));
    return new LateList(() => {
      const reader = new HeaderReader(this.#file, this.#bytes, this.#fileSize);
      reader.#position = begin;
      return reader.#list(key, 0);
    });
  }

  #value(key: string, type: ValueType, depth: number): GgufValue {
    return type === 'array' ? this.#list(key, depth) : this.#scalar(key, type);
  }

  #scalar(key: string, type: Exclude<ValueType, 'array'>): GgufScalar {
    if (type === 'string') return this.#text(key);
    if (type === 'bool') return this.#flag(key);
    const [value] = this.#numbers(type, 1);
    return typeof value === 'bigint' && Number.isSafeInteger(Number(value)) ? Number(value) : value!;
  }

  #list(key: string, depth: number): GgufArray {
    if (depth === DEEPEST_LIST)
      throw this.#invalid(`the key '${key}' has lists in more than ${DEEPEST_LIST} lists`);
    const type = this.#valueType(key);
    const count = this.#countElements(key, type);
    if (type !== 'string' && type !== 'bool' && type !== 'array') return this.#numbers(type, count);
    const list: GgufValue[] = [];
    for (let i = 0; i < count; i++) list.push(this.#value(key, type, depth + 1));
    return list as GgufArray;
  }

  #countElements(key: string, type: ValueType): number {
    const count = this.#count(`elements of '${key}'`, leastBytes(type));
    if (type === 'string' || type === 'bool' || type === 'array') this.#elements += count;
    if (this.#elements > MOST_ELEMENTS)
      throw this.#invalid(`its lists have more than ${MOST_ELEMENTS} elements`);
    return count;
  }

  #numbers(type: NumberType, count: number): InstanceType<(typeof NUMBER_ARRAYS)[NumberType]> {
    const NumberArray = NUMBER_ARRAYS[type];
    const begin = this.#take(count * NumberArray.BYTES_PER_ELEMENT);
    const numbers = new NumberArray(count);
    this.#bytes.copy(new Uint8Array(numbers.buffer), 0, begin);
    return numbers;
  }

  #flag(key: string): boolean {
    const value = this.#bytes[this.#take(1)]!;
    if (value > 1) throw this.#invalid(`the key '${key}' is neither true nor false, but ${value}`);
    return value === 1;
  }

  #alignment(metadata: GgufHeader['metadata']): number {
    const alignment = metadata.get('general.alignment') ?? DEFAULT_ALIGNMENT;
    const isPower = typeof alignment === 'number' && alignment >= 1 && Number.isInteger(Math.log2(alignment));
    if (!isPower || alignment > 2 ** 30)
      throw this.#invalid('general.alignment is no power of 2 that tensors can be aligned to');
    return alignment;
  }

  #tensors(count: number, alignment: number): Map<string, TensorDescription> {
    const tensors = new Map<string, TensorDescription>();
    for (let i = 0; i < count; i++) {
      const name = this.#name('a tensor');
      if (tensors.has(name)) throw this.#invalid(`the tensor '${name}' is there twice`);
      tensors.set(name, this.#tensor(name, alignment));
    }
    const begin = Math.ceil(this.#position / alignment) * alignment;
    const placed = new Map<string, TensorDescription>();
    for (const [name, tensor] of tensors) {
      const offset = begin + tensor.offset;
      if (offset + tensor.bytes > this.#fileSize)
        throw this.#invalid(
          `tensor '${name}' reaches to byte ${offset + tensor.bytes}, but the file has ${this.#fileSize}: is it cut off?`,
        );
      placed.set(name, { ...tensor, offset });
    }
    this.#refuseOverlap(placed);
    return placed;
  }

  /** @returns an offset that is counted from the first tensor's byte. */
  #tensor(name: string, alignment: number): TensorDescription {
    const fail = (fault: string): never => {
      throw this.#invalid(`tensor '${name}' ${fault}`);
    };
    const axes = this.#uint32();
    if (axes > MOST_AXES) return fail(`has ${axes} axes; ${MOST_AXES} are the most`);
    const shape = Array.from({ length: axes }, () => this.#uint64()).reverse();
    const number = this.#uint32();
    const type = typeOfNumber(number);
    if (type === undefined)
      throw new KvasirError(
        'unsupported_model',
        `${this.#file}: tensor '${name}' is of a type that is not known: ${number}`,
      );
    const { blockSize, blockBytes } = sizeOfType(type);
    const elements = shape.reduce((product, size) => product * size, 1);
    if (!Number.isSafeInteger(elements * blockBytes)) return fail(`is too large: [${shape.join(', ')}]`);
    const row = shape.at(-1) ?? 1;
    if (row % blockSize !== 0)
      return fail(`has rows of ${row}, which ${type} cannot hold: its blocks have ${blockSize}`);
    const offset = this.#uint64();
    if (offset % alignment !== 0) return fail(`begins at byte ${offset}, no multiple of ${alignment}`);
    return { type, shape, offset, bytes: (elements / blockSize) * blockBytes };
  }

  #refuseOverlap(tensors: ReadonlyMap<string, TensorDescription>): void {
    const filled = [...tensors].filter(([, { bytes }]) => bytes > 0);
    filled.sort(([, one], [, other]) => one.offset - other.offset);
    filled.forEach(([name, { offset }], i) => {
      const [previousName, previous] = filled[i - 1] ?? [];
      if (previous !== undefined && previous.offset + previous.bytes > offset)
        throw this.#invalid(`tensors '${previousName}' and '${name}' overlap`);
    });
  }

  /** A number of things of which each takes at least so many bytes of the file. */
  #count(what: string, least: number): number {
    const count = this.#uint64();
    if (count * least > this.#fileSize - this.#position)
      throw this.#invalid(`claims ${count} ${what}, more than its ${this.#fileSize} bytes can hold`);
    return count;
  }

  #name(what: string): string {
    const length = this.#uint64();
    if (length > LONGEST_NAME) throw this.#invalid(`${what} has a name of ${length} bytes`);
    return this.#utf8(what, length);
  }

  #text(key: string): string {
    return this.#utf8(key, this.#textLength(key));
  }

  #textLength(key: string): number {
    const length = this.#uint64();
    if (length > this.#fileSize - this.#position)
      throw this.#invalid(
        `the key '${key}' claims a text of ${length} bytes, more than its ${this.#fileSize} bytes can hold`,
      );
    return length;
  }

  /** @param what the text is, for errors. */
  #utf8(what: string, length: number): string {
    const begin = this.#take(length);
    const text = this.#bytes.toString('utf8', begin, begin + length);
    if (text.includes('\ufffd') && !isUtf8(this.#bytes.subarray(begin, begin + length)))
      throw this.#invalid(`has text that is not UTF-8 (${what})`);
    return text;
  }

  #uint32(): number {
    return this.#bytes.readUInt32LE(this.#take(4));
  }

  #uint64(): number {
    const begin = this.#take(8);
    const value = this.#bytes.readUInt32LE(begin + 4) * 2 ** 32 + this.#bytes.readUInt32LE(begin);
    if (value > Number.MAX_SAFE_INTEGER)
      throw this.#invalid(`claims a length, size or place of ${value}, which no file has`);
    return value;
  }

  /** Steps over bytes. @returns where they begin */
  #take(length: number): number {
    const begin = this.#position;
    if (begin + length > this.#fileSize)
      throw this.#invalid(`ends at byte ${this.#fileSize}, within its header: is it cut off?`);
    if (begin + length > this.#bytes.length) throw NEEDS_MORE;
    this.#position += length;
    return begin;
  }

  #invalid(fault: string): KvasirError {
    return new KvasirError('invalid_model', `${this.#file}: ${fault}`);
  }
}
