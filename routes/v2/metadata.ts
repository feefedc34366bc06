import type { Model } from '#registry/types.js';
import { EncoderTensors } from '#tensors/encoder-tensors.js';
import type { TensorPort, TensorService } from '#tensors/types.js';
import { datatypeOf, type Datatype } from '#tensors/datatypes.js';
import { VERSION } from './response.js';

/** What a model does with tensors; undefined for a generator, whose cache belongs to its engine. */
export function tensorsOf(model: Model): TensorService | undefined {
  switch (model.kind) {
    case 'generation':
      return undefined;
    case 'encoder':
      return new EncoderTensors(model);
    case 'raw':
      return model.tensors;
  }
}

/** @param name as the request has it. */
export function modelMetadata(name: string, model: Model) {
  const { inputs, outputs } = tensorsOf(model) ?? { inputs: [], outputs: [] };
  return {
    name,
    versions: [VERSION],
    platform: 'onnxruntime_onnx',
    inputs: inputs.map(describe),
    outputs: outputs.map(describe),
  };
}

function describe({ name, type, shape }: TensorPort): { name: string; datatype: Datatype; shape: number[] } {
  return {
    name,
    datatype: datatypeOf(type),
    shape: shape.map(size => (typeof size === 'number' ? size : -1)),
  };
}
