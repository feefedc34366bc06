import type { FileHandle } from 'node:fs/promises';
import { KvasirError } from '#errors.js';
import { openRegularFile, readExactly } from '#files.js';
import type { Weight } from './checkpoint.js';
import { allFinite } from './finite.js';
import { fromBfloat16, fromFloat16 } from './half-precision.js';

/** Bits per element of each type that the format knows. */
const ELEMENT_BITS = {
  F64: 64,
  F32: 32,
  F16: 16,
  BF16: 16,
  F8_E5M2: 8,
  F8_E4M3: 8,
  F8_E8M0: 8,
  F6_E2M3: 6,
  F6_E3M2: 6,
  F4: 4,
  C64: 64,
  I64: 64,
  I32: 32,
  I16: 16,
  I8: 8,
  U64: 64,
  U32: 32,
  U16: 16,
  U8: 8,
  BOOL: 8,
} as const;

export type SafetensorsType = keyof typeof ELEMENT_BITS;

/** The place of a tensor in its file. */
export interface TensorEntry {
  readonly type: SafetensorsType;
  readonly shape: readonly number[];
  /** First byte and the one after the last, counted from the beginning of the file. */
  readonly begin: number;
  readonly end: number;
}

/** Bytes of the header's length, at the beginning of the file. */
const PREFIX = 8;
/** The limit that the format's own reader sets. */
const LONGEST_HEADER = 100_000_000;
/**
 * Bytes that one read takes: a multiple of every element's size, and small beside the tensors worth
 * splitting.
 */
const CHUNK = 2 ** 24;

/**
 * Reads and checks the header of a safetensors file (https://github.com/huggingface/safetensors#format), or
 * of what claims to be one: every tensor has a known type, a shape that gives its length in bytes, and a
 * place in the file that it shares with no other.
 *
 * @param header The JSON text that follows the 8 bytes of the header's length.
 * @param fileSize Bytes of the whole file.
 * @throws KvasirError `invalid_model`, naming the file and the tensor
 */
export function parseHeader(file: string, header: Uint8Array, fileSize: number): Map<string, TensorEntry> {
  const bodyBegin = PREFIX + header.byteLength;
  const bodySize = fileSize - bodyBegin;
  const entries = new Map<string, TensorEntry>();
  for (const [name, description] of Object.entries(parseJson(file, header))) {
    if (name === '__metadata__') continue;
    const fail = (fault: string): never => {
      throw new KvasirError('invalid_model', `${file}: tensor '${name}' ${fault}`);
    };
    if (!isObject(description)) return fail('is not described by an object');
    const { dtype, shape, data_offsets: offsets } = description;
    if (!isType(dtype)) return fail(`has an unknown dtype: ${JSON.stringify(dtype)}`);
    if (!isCounts(shape)) return fail(`has a wrong shape: ${JSON.stringify(shape)}`);
    if (!isCounts(offsets) || offsets.length !== 2)
      return fail(`has wrong data_offsets: ${JSON.stringify(offsets)}`);
    const [begin, end] = offsets as [number, number];
    if (begin > end) return fail(`ends (byte ${end}) before it begins (byte ${begin})`);
    if (end > bodySize)
      return fail(`reaches to byte ${end} of the data, but the file holds ${bodySize}: is it cut off?`);
    const bits = shape.reduce((product, dimension) => product * dimension, ELEMENT_BITS[dtype]);
    if (bits !== (end - begin) * 8)
      return fail(`has ${end - begin} bytes, but ${dtype} [${shape.join(', ')}] takes ${bits / 8}`);
    entries.set(name, { type: dtype, shape, begin: bodyBegin + begin, end: bodyBegin + end });
  }
  refuseOverlap(file, entries);
  return entries;
}

function parseJson(file: string, header: Uint8Array): object {
  let parsed: unknown;
  try {
    parsed = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(header));
  } catch (cause) {
    throw new KvasirError('invalid_model', `${file}: its header is not JSON in UTF-8`, { cause });
  }
  if (!isObject(parsed)) throw new KvasirError('invalid_model', `${file}: its header is not a JSON object`);
  return parsed;
}

function refuseOverlap(file: string, entries: ReadonlyMap<string, TensorEntry>): void {
  const filled = [...entries].filter(([, { begin, end }]) => end > begin);
  filled.sort(([, a], [, b]) => a.begin - b.begin);
  filled.forEach(([name, entry], i) => {
    const [previousName, previous] = filled[i - 1] ?? [];
    if (previous !== undefined && previous.end > entry.begin)
      throw new KvasirError('invalid_model', `${file}: tensors '${previousName}' and '${name}' overlap`);
  });
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function isType(value: unknown): value is SafetensorsType {
  return typeof value === 'string' && Object.hasOwn(ELEMENT_BITS, value);
}

function isCounts(value: unknown): value is number[] {
  return Array.isArray(value) && value.every(count => Number.isSafeInteger(count) && count >= 0);
}

/** An open safetensors file. Tensors are read from it on demand, never the file as a whole. */
export class SafetensorsFile {
  readonly path: string;
  readonly tensors: ReadonlyMap<string, TensorEntry>;
  readonly #handle: FileHandle;

  private constructor(path: string, handle: FileHandle, tensors: ReadonlyMap<string, TensorEntry>) {
    this.path = path;
    this.#handle = handle;
    this.tensors = tensors;
  }

  /** @throws KvasirError `invalid_model` if the file is missing, unreadable or broken */
  static async open(path: string): Promise<SafetensorsFile> {
    const handle = await openRegularFile(path);
    try {
      const { size } = await handle.stat();
      if (size < PREFIX)
        throw new KvasirError('invalid_model', `${path}: ${size} bytes are not a safetensors file`);
      const prefix = new Uint8Array(PREFIX);
      await readExactly(handle, path, prefix, 0);
      const headerSize = new DataView(prefix.buffer).getBigUint64(0, true);
      if (headerSize > BigInt(Math.min(size - PREFIX, LONGEST_HEADER)))
        throw new KvasirError(
          'invalid_model',
          `${path}: claims a longer header than its ${size} bytes can hold; it is cut off or no safetensors file`,
        );
      const header = new Uint8Array(Number(headerSize));
      await readExactly(handle, path, header, PREFIX);
      return new SafetensorsFile(path, handle, parseHeader(path, header, size));
    } catch (error) {
      await handle.close();
      throw error;
    }
  }

  /**
   * The place of a tensor whose elements can be read.
   *
   * @throws KvasirError `invalid_model` if there is no such tensor; `unsupported_model` if its type is not
   * F32, F16 or BF16
   */
  requireFloats(name: string): TensorEntry {
    const entry = this.tensors.get(name);
    if (entry === undefined) throw new KvasirError('invalid_model', `${this.path} has no tensor '${name}'`);
    if (!['F32', 'F16', 'BF16'].includes(entry.type))
      throw new KvasirError(
        'unsupported_model',
        `${this.path}: tensor '${name}' is ${entry.type}; F32, F16 and BF16 weights can be read`,
      );
    return entry;
  }

  /**
   * A tensor's elements in row-major order, widened to single precision.
   *
   * @param first of the elements to read, and the one after the last; by default all.
   * @throws KvasirError as {@link requireFloats}; `invalid_model` too if one of the elements is no finite
   * number, or the file has changed since it was opened
   */
  async read(name: string, first = 0, last = Infinity): Promise<Float32Array> {
    const floats = await this.#floats(this.requireFloats(name), first, last);
    if (!allFinite(floats)) throw await this.#notFinite(name);
    return floats;
  }

  /**
   * A vector of whole numbers, as long as they are exact.
   *
   * @throws KvasirError `invalid_model` where there is none, or one of them is not exact; `unsupported_model` where it
   * is neither I64 nor I32
   */
  async readIntegers(name: string): Promise<number[]> {
    const entry = this.tensors.get(name);
    if (entry === undefined) throw new KvasirError('invalid_model', `${this.path} has no tensor '${name}'`);
    const { type, begin, end } = entry;
    if (type !== 'I64' && type !== 'I32')
      throw new KvasirError('unsupported_model', `${this.path}: tensor '${name}' is ${type}, not I64 or I32`);
    const bytes = new Uint8Array(end - begin);
    await readExactly(this.#handle, this.path, bytes, begin);
    const numbers =
      type === 'I32'
        ? [...new Int32Array(bytes.buffer)]
        : Array.from(new BigInt64Array(bytes.buffer), Number);
    if (!numbers.every(Number.isSafeInteger))
      throw new KvasirError('invalid_model', `${this.path}: tensor '${name}' has numbers that are too large`);
    return numbers;
  }

  /**
   * Bytes of a tensor of any type, from the first on and before the last, which are counted from its beginning.
   *
   * @throws KvasirError `invalid_model` if there is no such tensor, or the file has changed since it was opened
   */
  async bytes(name: string, first: number, last: number): Promise<Uint8Array> {
    const entry = this.tensors.get(name);
    if (entry === undefined) throw new KvasirError('invalid_model', `${this.path} has no tensor '${name}'`);
    const bytes = new Uint8Array(last - first);
    await readExactly(this.#handle, this.path, bytes, entry.begin + first);
    return bytes;
  }

  async #floats(entry: TensorEntry, first: number, last: number): Promise<Float32Array> {
    const { type } = entry;
    const bytes = ELEMENT_BITS[type] / 8;
    const begin = entry.begin + first * bytes;
    const end = Math.min(entry.end, entry.begin + last * bytes);
    if (type === 'F32') {
      const floats = new Float32Array((end - begin) / 4);
      await readExactly(this.#handle, this.path, new Uint8Array(floats.buffer), begin);
      return floats;
    }
    const widen = type === 'F16' ? fromFloat16 : fromBfloat16;
    const floats = new Float32Array((end - begin) / 2);
    const chunk = new Uint8Array(Math.min(CHUNK, end - begin));
    for (let position = begin; position < end; position += CHUNK) {
      const part = chunk.subarray(0, Math.min(CHUNK, end - position));
      await readExactly(this.#handle, this.path, part, position);
      const done = (position - begin) / 2;
      const count = part.byteLength / 2;
      widen(new Uint16Array(part.buffer, 0, count), floats.subarray(done, done + count));
    }
    return floats;
  }

  /**
   * A tensor whose elements can be read.
   *
   * @throws KvasirError as {@link requireFloats}
   */
  weight(name: string): Pick<Weight, 'load'> {
    this.requireFloats(name);
    return { load: (first, last) => this.read(name, first, last) };
  }

  async close(): Promise<void> {
    await this.#handle.close();
  }

  async #notFinite(name: string): Promise<KvasirError> {
    const entry = this.tensors.get(name)!;
    const elements = entry.shape.reduce((product, size) => product * size, 1);
    let count = 0;
    for (let first = 0; first < elements; first += CHUNK)
      for (const value of await this.#floats(entry, first, first + CHUNK))
        if (!Number.isFinite(value)) count++;
    return new KvasirError(
      'invalid_model',
      `${this.path}: ${count} of the ${elements} numbers of tensor '${name}' are not finite (NaN or infinity): the weights are broken`,
    );
  }
}
