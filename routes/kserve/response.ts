import type { NamedTensor } from '#tensors/types.js';
import { datatypeOf } from '#tensors/datatypes.js';
import { toJson } from '#tensors/elements.js';
import type { WantedOutput } from './request.js';

/** An answer's JSON, and the bytes that follow it. */
export interface InferAnswer {
  readonly json: string;
  readonly bytes: readonly Uint8Array[];
}

/** The only version that a model has. */
export const VERSION = '1';

/**
 * @param id the request's own.
 * @param wanted in the order of the outputs.
 * @throws KvasirError `invalid_request` for an output that JSON cannot write
 */
export function inferAnswer(
  model: string,
  id: string | null | undefined,
  outputs: readonly NamedTensor[],
  wanted: readonly WantedOutput[],
): InferAnswer {
  const bytes: Uint8Array[] = [];
  const parts = outputs.map((tensor, i) => {
    const { name, type, shape, data } = tensor;
    const head = { name, datatype: datatypeOf(type), shape };
    if (wanted[i]!.binary) {
      bytes.push(new Uint8Array(data.buffer, data.byteOffset, data.byteLength));
      return JSON.stringify({ ...head, parameters: { binary_data_size: data.byteLength } });
    }
    // Written by hand: JSON.stringify knows no integers of 64 bits.
    return `${JSON.stringify(head).slice(0, -1)},"data":${toJson(tensor)}}`;
  });
  const head = { model_name: model, model_version: VERSION, ...(typeof id === 'string' && { id }) };
  return { json: `${JSON.stringify(head).slice(0, -1)},"outputs":[${parts.join(',')}]}`, bytes };
}
