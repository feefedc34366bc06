import type { TensorModel } from '#registry/types.js';
import type { TensorPort } from '#tensors/types.js';
import { datatypeOf, type Datatype } from '#tensors/datatypes.js';
import { FILES, sees } from './picture-files.js';
import { VERSION } from './response.js';

/**
 * @param name as the request has it.
 * @param model undefined for a generator, whose cache belongs to its engine: it takes and gives none.
 */
export function modelMetadata(name: string, model: TensorModel | undefined) {
  const { inputs, outputs } = model?.tensors ?? { inputs: [], outputs: [] };
  return {
    name,
    versions: [VERSION],
    platform: 'onnxruntime_onnx',
    inputs: [...inputs.map(describe), ...(model !== undefined && sees(model) ? [FILES] : [])],
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
