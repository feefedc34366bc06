import type { TensorPort, TensorService } from '#tensors/types.js';
import { datatypeOf, type Datatype } from '#tensors/datatypes.js';
import { VERSION } from './response.js';

/**
 * @param name as the request has it.
 * @param tensors undefined for a generator, whose cache belongs to its engine: it takes and gives none.
 */
export function modelMetadata(name: string, tensors: TensorService | undefined) {
  const { inputs, outputs } = tensors ?? { inputs: [], outputs: [] };
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
