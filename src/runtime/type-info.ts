import koffi from 'koffi';
import { check, create, ortApi, type Pointer } from './api.js';
import { elementTypeOf, type ElementType } from './element-type.js';

/** Name, type and shape of a session's input or output. */
export interface TensorInfo {
  readonly name: string;
  /** Undefined for values that are no tensors, or of an element type without a view in JavaScript. */
  readonly type: ElementType | undefined;
  /** Outermost first: a size, or the name of a dimension that may vary (empty where it has none). */
  readonly shape: readonly (number | string)[];
}

/** Reads an `OrtTensorTypeAndShapeInfo`. */
export function readTensorTypeAndShape(info: Pointer): Omit<TensorInfo, 'name'> {
  const { GetTensorElementType, GetDimensionsCount, GetDimensions, GetSymbolicDimensions } =
    ortApi().functions;
  const number: [number] = [0];
  check(GetTensorElementType(info, number));
  const count: [number] = [0];
  check(GetDimensionsCount(info, count));
  const rank = Number(count[0]);
  const sizes = new BigInt64Array(rank);
  const names = new BigUint64Array(rank);
  if (rank > 0) {
    check(GetDimensions(info, sizes, rank));
    check(GetSymbolicDimensions(info, names, rank));
  }
  const shape = Array.from(sizes, (size, i) => (size >= 0n ? Number(size) : readString(names[i] as Pointer)));
  return { type: elementTypeOf(number[0]), shape };
}

/** Reads an `OrtTypeInfo` and releases it. */
export function takeTypeInfo(typeInfo: Pointer): Omit<TensorInfo, 'name'> {
  const { ReleaseTypeInfo } = ortApi().functions;
  try {
    const tensorInfo = create('CastTypeInfoToTensorInfo', typeInfo) as Pointer | null;
    return tensorInfo === null ? { type: undefined, shape: [] } : readTensorTypeAndShape(tensorInfo);
  } finally {
    ReleaseTypeInfo(typeInfo);
  }
}

/** Copies a C string out of native memory. */
export function readString(address: Pointer): string {
  return koffi.decode(address, 'char', -1) as string;
}
