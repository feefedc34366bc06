import type { NamedTensor } from '#tensors/types.js';
import { datatypeOf } from '#tensors/datatypes.js';
import { toJson } from '#tensors/elements.js';
import { refuse } from '#tensors/refusal.js';
import type { WantedOutput } from './request.js';

/** An answer's JSON, and the bytes that follow it. */
export interface InferAnswer {
  /** In pieces that each take a few milliseconds to write. */
  readonly json: Iterable<string>;
  readonly bytes: readonly Uint8Array[];
}

/** Most elements in JSON, where they take up to five times the bytes. */
const MOST_NUMBERS = 2 ** 22;

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
  const { length } = outputs;
  const numbers = outputs.reduce((sum, { data }, i) => sum + (wanted[i]!.binary ? 0 : data.length), 0);
  if (numbers > MOST_NUMBERS)
    refuse(
      `the outputs have ${numbers} elements; as JSON at most ${MOST_NUMBERS} are given at once, ask for binary_data`,
      'outputs',
    );
  const parts = outputs.map((tensor, i): Iterable<string> => {
    const { name, type, shape, data } = tensor;
    const head = { name, datatype: datatypeOf(type), shape };
    const separator = i + 1 < length ? ',' : '';
    if (wanted[i]!.binary) {
      bytes.push(new Uint8Array(data.buffer, data.byteOffset, data.byteLength));
      return [JSON.stringify({ ...head, parameters: { binary_data_size: data.byteLength } }) + separator];
    }
    // Written by hand: JSON.stringify knows no integers of 64 bits.
    return around(`${JSON.stringify(head).slice(0, -1)},"data":`, toJson(tensor), `}${separator}`);
  });
  const head = { model_name: model, model_version: VERSION, ...(typeof id === 'string' && { id }) };
  return { json: around(`${JSON.stringify(head).slice(0, -1)},"outputs":[`, concat(parts), ']}'), bytes };
}

function* around(before: string, pieces: Iterable<string>, after: string): Generator<string> {
  yield before;
  yield* pieces;
  yield after;
}

function* concat(parts: readonly Iterable<string>[]): Generator<string> {
  for (const part of parts) yield* part;
}
