import { create } from '@bufbuild/protobuf';
import { TensorProto_DataType as DataType, TensorProtoSchema, type TensorProto } from './onnx_pb.js';

/** Element types that a tensor may have whose elements stand in the graph itself. */
export type InlineType = DataType.INT64 | DataType.INT32 | DataType.FLOAT | DataType.BOOL;

/**
 * A small tensor whose elements stand in the graph itself.
 *
 * @param values In row-major order; booleans as 0 and 1.
 * @throws Error if they do not fill the shape, or an element of an integer type is no integer
 */
export function inlineTensor(
  name: string,
  type: InlineType,
  shape: readonly number[],
  values: readonly number[],
): TensorProto {
  const elements = shape.reduce((product, size) => product * size, 1);
  if (values.length !== elements)
    throw new Error(`${name}: ${values.length} elements for shape [${shape.join(', ')}]`);
  if (type !== DataType.FLOAT && !values.every(Number.isSafeInteger))
    throw new Error(`${name}: [${values.join(', ')}] are not all integers`);
  const data =
    type === DataType.INT64
      ? { int64Data: values.map(BigInt) }
      : type === DataType.FLOAT
        ? { floatData: [...values] }
        : { int32Data: [...values] };
  return create(TensorProtoSchema, { name, dataType: type, dims: shape.map(BigInt), ...data });
}
