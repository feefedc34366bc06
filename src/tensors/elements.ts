import { fromFloat16, toFloat16 } from '#graph/weights/half-precision.js';
import { elementSize, viewOf, type TensorData } from '#runtime/index.js';
import { Turns } from '#turns.js';
import { datatypeOf } from './datatypes.js';
import { refuse } from './refusal.js';
import type { NamedTensor, NumericType } from './types.js';

/** Smallest and largest value of the integers that JSON's numbers hold. */
const RANGES: Partial<Record<NumericType, readonly [number, number]>> = {
  int8: [-(2 ** 7), 2 ** 7 - 1],
  int16: [-(2 ** 15), 2 ** 15 - 1],
  int32: [-(2 ** 31), 2 ** 31 - 1],
  int64: [Number.MIN_SAFE_INTEGER, Number.MAX_SAFE_INTEGER],
  uint8: [0, 2 ** 8 - 1],
  uint16: [0, 2 ** 16 - 1],
  uint32: [0, 2 ** 32 - 1],
  uint64: [0, Number.MAX_SAFE_INTEGER],
};

/** Infinity as a half. */
const HALF_INFINITY = 0x7c00;

/** A tensor without its elements. */
export type TensorHead = Omit<NamedTensor, 'data'>;

/** Elements that are read or written at once. */
const PIECE = 2 ** 15;

/**
 * Reads elements from JSON: all in one list, or in lists of lists as the shape has it. In turns with others: a
 * million of them take a tenth of a second.
 *
 * @throws KvasirError `invalid_request` naming the tensor, where one is of another type or out of range, or
 * the shape is another
 */
export async function fromJson(tensor: TensorHead, values: readonly unknown[]): Promise<TensorData> {
  const { name, type, shape } = tensor;
  if (type === 'bfloat16') refuse(`input '${name}': BF16 is taken as binary data only`);
  const count = size(shape);
  const nested = Array.isArray(values[0]);
  // Of half floats the single-precision numbers first.
  const View = type === 'float16' ? Float32Array : viewOf(type);
  // Never larger than what was sent: a shape alone must not take memory.
  if (!nested && values.length !== count)
    refuse(`input '${name}' has ${values.length} elements for the shape [${shape.join(', ')}]`);
  const turns = new Turns();
  const flat = nested ? flatten(tensor, values) : values;
  const data = new View(count);
  const read = reader(tensor);
  const write =
    type === 'int64' || type === 'uint64'
      ? wideWriter(data.buffer)
      : (i: number, value: number) => (data[i] = value);
  for (let start = 0; start < count; start += PIECE) {
    if (turns.isOver) await turns.next();
    const end = Math.min(count, start + PIECE);
    for (let i = start; i < end; i++) write(i, read(flat[i], i));
  }
  return type === 'float16' ? halves(name, data as Float32Array) : data;
}

/**
 * Reads elements from bytes in little-endian order.
 *
 * @param bytes as many of them as there are.
 * @param stated how many the request says that there are.
 * @throws KvasirError `invalid_request` naming the tensor, where they do not fit its shape
 */
export function fromBytes({ name, type, shape }: TensorHead, bytes: Uint8Array, stated: number): TensorData {
  const wanted = size(shape) * elementSize(type);
  if (stated !== wanted)
    refuse(
      `input '${name}' has a binary_data_size of ${stated}, but ${datatypeOf(type)} of the shape [${shape.join(', ')}] takes ${wanted} bytes`,
    );
  if (bytes.length !== wanted)
    refuse(`input '${name}' has ${bytes.length} of its ${wanted} bytes: the body ends too soon`);
  if (type === 'bool' && bytes.some(byte => byte > 1))
    refuse(`input '${name}' has bytes other than 0 and 1, which BOOL does not take`);
  // A copy, since typed arrays begin at multiples of their elements' size.
  return new (viewOf(type))(new Uint8Array(bytes).buffer);
}

/**
 * Writes elements as JSON, in pieces that each take a few milliseconds.
 *
 * @throws KvasirError `invalid_request` naming the tensor, where JSON has no way to write it; before the
 * first piece
 */
export function toJson({ name, type, data }: NamedTensor): Iterable<string> {
  if (type === 'bfloat16')
    return refuse(`output '${name}': BF16 is given as binary data only; ask for binary_data`, 'outputs');
  if (type === 'bool')
    return pieces(data.length, (start, end) => booleans(data.subarray(start, end) as Uint8Array));
  if (type !== 'float16' && type !== 'float32' && type !== 'float64')
    return pieces(data.length, (start, end) => data.subarray(start, end).join(','));
  const floats = type === 'float16' ? new Float32Array(data.length) : (data as Float32Array | Float64Array);
  if (type === 'float16') fromFloat16(data as Uint16Array, floats as Float32Array);
  if (!floats.every(Number.isFinite))
    refuse(
      `output '${name}' has infinities or NaN, which JSON cannot write; ask for it with binary_data`,
      'outputs',
    );
  return pieces(floats.length, (start, end) => floats.subarray(start, end).join(','));
}

function booleans(data: Uint8Array): string {
  return Array.from(data, value => value !== 0).join(',');
}

function* pieces(length: number, write: (start: number, end: number) => string): Generator<string> {
  yield '[';
  for (let start = 0; start < length; start += PIECE) {
    if (start > 0) yield ',';
    yield write(start, Math.min(length, start + PIECE));
  }
  yield ']';
}

/** Number of elements of a shape. */
export function size(shape: readonly number[]): number {
  return shape.reduce((product, dimension) => product * dimension, 1);
}

function flatten({ name, shape }: TensorHead, values: readonly unknown[]): unknown[] {
  const elements: unknown[] = [];
  const visit = (value: unknown, depth: number): void => {
    if (depth === shape.length) elements.push(value);
    else if (Array.isArray(value) && value.length === shape[depth])
      for (const inner of value) visit(inner, depth + 1);
    else refuse(`input '${name}' has lists that do not fit its shape [${shape.join(', ')}]`);
  };
  visit(values, 0);
  return elements;
}

/** Writes integers of 64 bits in two halves: a BigInt for each of a million takes a tenth of a second. */
function wideWriter(buffer: ArrayBufferLike): (index: number, integer: number) => void {
  const halves = new Int32Array(buffer);
  return (index, integer) => {
    halves[2 * index] = integer;
    halves[2 * index + 1] = Math.floor(integer / 2 ** 32);
  };
}

type Reader = (value: unknown, index: number) => number;

/** @returns makes one element of a value, or refuses it. */
function reader({ name, type }: TensorHead): Reader {
  const wrong = (value: unknown, index: number, wanted: string): never =>
    refuse(
      `input '${name}' has ${JSON.stringify(value)?.slice(0, 40)} at element ${index}: ${datatypeOf(type)} takes ${wanted}`,
    );
  const range = RANGES[type];
  if (type === 'bool')
    return (value, index) =>
      typeof value === 'boolean' ? Number(value) : wrong(value, index, 'true and false');
  if (range === undefined)
    return (value, index) =>
      typeof value === 'number' && Number.isFinite(type === 'float64' ? value : Math.fround(value))
        ? value
        : wrong(value, index, 'numbers that it can hold');
  const [least, most] = range;
  const wide = type === 'int64' || type === 'uint64';
  const wanted = `integers from ${least} to ${most}${wide ? '; send larger ones as binary data' : ''}`;
  return (value, index) => {
    if (!Number.isInteger(value) || (value as number) < least || (value as number) > most)
      wrong(value, index, wanted);
    return value as number;
  };
}

function halves(name: string, floats: Float32Array): Uint16Array {
  const data = toFloat16(floats);
  const index = data.findIndex(half => (half & 0x7fff) === HALF_INFINITY);
  if (index >= 0) refuse(`input '${name}' has ${floats[index]} at element ${index}, too large for FP16`);
  return data;
}
