import { create } from '@bufbuild/protobuf';
import {
  AttributeProto_AttributeType as Type,
  AttributeProtoSchema,
  type AttributeProto,
} from './onnx_pb.js';

/** An attribute's value with its type; the name is given where it is used. */
export type Attribute = (name: string) => AttributeProto;

export function int(value: number): Attribute {
  return name => create(AttributeProtoSchema, { name, type: Type.INT, i: BigInt(value) });
}

export function float(value: number): Attribute {
  return name => create(AttributeProtoSchema, { name, type: Type.FLOAT, f: value });
}
