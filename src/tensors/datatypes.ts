import type { NumericType } from './types.js';

/** The protocol's names of element types. Its `BYTES`, texts of any length, are not among them. */
const TYPES = {
  BOOL: 'bool',
  UINT8: 'uint8',
  UINT16: 'uint16',
  UINT32: 'uint32',
  UINT64: 'uint64',
  INT8: 'int8',
  INT16: 'int16',
  INT32: 'int32',
  INT64: 'int64',
  FP16: 'float16',
  FP32: 'float32',
  FP64: 'float64',
  BF16: 'bfloat16',
} as const satisfies Record<string, NumericType>;

/** A name of an element type in the Open Inference Protocol. */
export type Datatype = keyof typeof TYPES;

/** All names of element types. */
export const DATATYPES = Object.keys(TYPES) as Datatype[];

const NAMES = new Map<NumericType, Datatype>(DATATYPES.map(name => [TYPES[name], name]));

/** The protocol's name of an element type. */
export function datatypeOf(type: NumericType): Datatype {
  return NAMES.get(type)!;
}
