import { KvasirError } from '#errors.js';
import { allFinite } from '../finite.js';
import { fromBfloat16, fromFloat16 } from '../half-precision.js';
import type { SafetensorsFile, SafetensorsType, TensorEntry } from '../safetensors.js';
import { EIGHT_BIT_FLOATS, isEightBitFloat } from './small-floats.js';

/** Bytes of an element of the types that quantized checkpoints are made of. */
const ELEMENT_BYTES: Partial<Record<SafetensorsType, number>> = {
  F32: 4,
  F16: 2,
  BF16: 2,
  F8_E4M3: 1,
  F8_E5M2: 1,
  F8_E8M0: 1,
  I32: 4,
  I64: 8,
  I8: 1,
  U8: 1,
};

/** Types of scales and other numbers beside codes. */
const FLOATS: readonly SafetensorsType[] = ['F32', 'F16', 'BF16', 'F8_E4M3', 'F8_E8M0'];

/** The tensors of all files of a quantized checkpoint as they are stored. */
export class CheckpointTensors {
  readonly #files = new Map<string, SafetensorsFile>();

  constructor(files: readonly SafetensorsFile[]) {
    for (const file of files) for (const name of file.tensors.keys()) this.#files.set(name, file);
  }

  get names(): readonly string[] {
    return [...this.#files.keys()];
  }

  find(name: string): TensorEntry | undefined {
    return this.#files.get(name)?.tensors.get(name);
  }

  /**
   * A tensor beside another one.
   *
   * @param shape numbers that its axes must have; undefined: any.
   * @throws KvasirError `invalid_model` where it is missing or has another shape, `unsupported_model` where it has
   * another type
   */
  require(
    name: string,
    types: readonly SafetensorsType[],
    shape: readonly (number | undefined)[],
    beside: string,
  ): TensorEntry {
    const entry = this.find(name);
    if (entry === undefined) throw this.invalid(beside, `needs a tensor '${name}', which is missing`);
    if (!types.includes(entry.type))
      throw this.unsupported(name, `is ${entry.type}; ${types.join(', ')} can be read`);
    const fits =
      entry.shape.length === shape.length &&
      shape.every((size, axis) => size === undefined || size === entry.shape[axis]);
    if (!fits) {
      const expected = shape.map(size => size ?? 'any').join(', ');
      throw this.invalid(name, `has shape [${entry.shape.join(', ')}]; expected is [${expected}]`);
    }
    return entry;
  }

  /** A tensor of scales: {@link require} for numbers of any precision. */
  requireFloats(name: string, shape: readonly (number | undefined)[], beside: string): TensorEntry {
    return this.require(name, FLOATS, shape, beside);
  }

  /** Bytes of a tensor, counted from its beginning. */
  bytes(name: string, first: number, last: number): Promise<Uint8Array> {
    return this.#files.get(name)!.bytes(name, first, last);
  }

  /** Rows of a tensor, which are all its axes but the first; by default all. */
  async rows(name: string, first = 0, last = Infinity): Promise<Uint8Array> {
    const { shape, begin, end } = this.find(name)!;
    const rows = shape[0] ?? 1;
    const size = rows === 0 ? 0 : (end - begin) / rows;
    return this.bytes(name, first * size, Math.min(last, rows) * size);
  }

  /** Columns of a matrix, row by row. */
  async columns(name: string, first: number, last: number): Promise<Uint8Array> {
    const { shape, type } = this.find(name)!;
    const [rows, columns] = shape as [number, number];
    const size = ELEMENT_BYTES[type]!;
    const file = this.#files.get(name)!;
    if (first === 0 && last === columns) return file.bytes(name, 0, rows * columns * size);
    const width = (last - first) * size;
    const result = new Uint8Array(rows * width);
    for (let row = 0; row < rows; row++) {
      const begin = (row * columns + first) * size;
      result.set(await file.bytes(name, begin, begin + width), row * width);
    }
    return result;
  }

  /**
   * Numbers of a tensor from some of its bytes.
   *
   * @throws KvasirError `invalid_model` where one of them is not finite
   */
  floats(name: string, bytes: Uint8Array): Float32Array {
    const values = decode(this.find(name)!.type, bytes);
    this.requireFinite(name, values);
    return values;
  }

  /** @throws KvasirError `invalid_model` where one of a tensor's numbers is not finite */
  requireFinite(name: string, values: Float32Array): void {
    if (allFinite(values)) return;
    throw this.invalid(name, 'has numbers that are not finite (NaN or infinity): the weights are broken');
  }

  /** All numbers of a tensor. @throws KvasirError as {@link floats} */
  async allFloats(name: string): Promise<Float32Array> {
    return this.floats(name, await this.rows(name));
  }

  /** All whole numbers of a tensor. @throws KvasirError as {@link SafetensorsFile.readIntegers} */
  integers(name: string): Promise<number[]> {
    return this.#files.get(name)!.readIntegers(name);
  }

  /** An error of a tensor, to throw. */
  invalid(name: string, fault: string): KvasirError {
    return new KvasirError('invalid_model', `${this.#files.get(name)?.path}: tensor '${name}' ${fault}`);
  }

  /** An error of a tensor that means something unknown, to throw. */
  unsupported(name: string, fault: string): KvasirError {
    return new KvasirError('unsupported_model', `${this.#files.get(name)?.path}: tensor '${name}' ${fault}`);
  }
}

function decode(type: SafetensorsType, bytes: Uint8Array): Float32Array {
  if (type === 'F32') return new Float32Array(bytes.buffer, bytes.byteOffset, bytes.byteLength / 4);
  if (isEightBitFloat(type)) {
    const values = EIGHT_BIT_FLOATS[type];
    return Float32Array.from(bytes, byte => values[byte]!);
  }
  const floats = new Float32Array(bytes.byteLength / 2);
  const widen = type === 'F16' ? fromFloat16 : fromBfloat16;
  widen(new Uint16Array(bytes.buffer, bytes.byteOffset, bytes.byteLength / 2), floats);
  return floats;
}

/** Words of 32 bits. */
export function wordsOf(bytes: Uint8Array): Uint32Array {
  return new Uint32Array(bytes.buffer, bytes.byteOffset, bytes.byteLength / 4);
}
