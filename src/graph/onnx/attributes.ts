import { create, type MessageInitShape } from '@bufbuild/protobuf';
import { inlineTensor, type InlineType } from './inline-tensor.js';
import {
  AttributeProto_AttributeType as Type,
  AttributeProtoSchema,
  type AttributeProto,
} from './onnx_pb.js';

/** An attribute's value with its type; the name is given where it is used. */
export type Attribute = (name: string) => AttributeProto;

export function int(value: number): Attribute {
  return attribute({ type: Type.INT, i: BigInt(value) });
}

export function float(value: number): Attribute {
  return attribute({ type: Type.FLOAT, f: value });
}

export function string(value: string): Attribute {
  return attribute({ type: Type.STRING, s: new TextEncoder().encode(value) });
}

export function ints(values: readonly number[]): Attribute {
  return attribute({ type: Type.INTS, ints: values.map(BigInt) });
}

export function floats(values: readonly number[]): Attribute {
  return attribute({ type: Type.FLOATS, floats: [...values] });
}

/** A small tensor, such as the fill value of ConstantOfShape. */
export function tensor(type: InlineType, shape: readonly number[], values: readonly number[]): Attribute {
  return attribute({ type: Type.TENSOR, t: inlineTensor('', type, shape, values) });
}

function attribute(value: MessageInitShape<typeof AttributeProtoSchema>): Attribute {
  return name => create(AttributeProtoSchema, { ...value, name });
}
