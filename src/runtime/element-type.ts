import { KvasirError } from '#errors.js';

/** Element types by their number in `ONNXTensorElementDataType` (the same as `TensorProto.DataType`). */
const NUMBERS = {
  float32: 1,
  uint8: 2,
  int8: 3,
  uint16: 4,
  int16: 5,
  int32: 6,
  int64: 7,
  string: 8,
  bool: 9,
  float16: 10,
  float64: 11,
  uint32: 12,
  uint64: 13,
  bfloat16: 16,
} as const;

export type ElementType = keyof typeof NUMBERS;

/**
 * JavaScript's views of tensor data. Half floats are carried as their bits in a Uint16Array, booleans as
 * bytes.
 */
export type TensorData =
  | Float32Array
  | Float64Array
  | Uint8Array
  | Int8Array
  | Uint16Array
  | Int16Array
  | Int32Array
  | Uint32Array
  | BigInt64Array
  | BigUint64Array;

const VIEWS = {
  float32: Float32Array,
  uint8: Uint8Array,
  int8: Int8Array,
  uint16: Uint16Array,
  int16: Int16Array,
  int32: Int32Array,
  int64: BigInt64Array,
  bool: Uint8Array,
  float16: Uint16Array,
  float64: Float64Array,
  uint32: Uint32Array,
  uint64: BigUint64Array,
  bfloat16: Uint16Array,
} as const;

/** Number of a type in the C API. */
export function elementTypeNumber(type: ElementType): number {
  return NUMBERS[type];
}

/** @returns undefined for a type that has no view in JavaScript (complex, 4 and 8 bit floats, ...). */
export function elementTypeOf(number: number): ElementType | undefined {
  return (Object.keys(NUMBERS) as ElementType[]).find(type => NUMBERS[type] === number);
}

/**
 * The typed array class for a type.
 *
 * @throws KvasirError `runtime_failure` for strings, whose elements have no fixed size.
 */
export function viewOf(type: ElementType): (typeof VIEWS)[keyof typeof VIEWS] {
  if (type === 'string') throw new KvasirError('runtime_failure', 'a string tensor has no typed array');
  return VIEWS[type];
}

/** Bytes per element. */
export function elementSize(type: ElementType): number {
  return viewOf(type).BYTES_PER_ELEMENT;
}

/**
 * The element type of a typed array. Half floats and booleans cannot be told from 16-bit and 8-bit integers.
 */
export function elementTypeOfArray(data: TensorData): ElementType {
  const entry = (Object.entries(VIEWS) as [ElementType, { name: string }][]).find(
    ([, view]) => view.name === data.constructor.name,
  );
  if (entry === undefined)
    throw new KvasirError('runtime_failure', `no tensor type for a ${data.constructor.name}`);
  return entry[0];
}
