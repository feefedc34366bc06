import type { Static } from 'typebox';
import { datatypeOf } from '#tensors/datatypes.js';
import { fromBytes, fromJson, size, type TensorHead } from '#tensors/elements.js';
import { refuse } from '#tensors/refusal.js';
import type { NamedTensor, TensorPort, TensorService } from '#tensors/types.js';
import { byteElements, FILES, type FileReader } from './picture-files.js';
import type { InferInput, InferRequest } from './schema.js';

/** What is asked of a model. */
export interface InferCall {
  readonly inputs: readonly NamedTensor[];
  readonly outputs: readonly WantedOutput[];
}

export interface WantedOutput {
  readonly name: string;
  /** As bytes behind the JSON. */
  readonly binary: boolean;
}

/**
 * Checks a request against what the model takes and gives.
 *
 * @param bytes binary data of the inputs, in their order.
 * @param readFiles of a model that sees: takes files in place of pixels.
 * @throws KvasirError `invalid_request` naming the tensor at fault
 */
export async function readCall(
  request: Static<typeof InferRequest>,
  bytes: Uint8Array,
  model: Pick<TensorService, 'inputs' | 'outputs'>,
  readFiles?: FileReader,
): Promise<InferCall> {
  const inputs: NamedTensor[] = [];
  let position = 0;
  for (const input of request.inputs) {
    if (readFiles !== undefined && input.datatype === 'BYTES' && input.name === FILES.name) {
      const length = input.parameters?.binary_data_size ?? undefined;
      const files =
        length === undefined ? addresses(input) : byteElements(bytes.subarray(position, position + length));
      position += length ?? 0;
      if (input.shape.join() !== String(files.length))
        refuse(
          `input '${FILES.name}' has ${files.length} elements for the shape [${input.shape.join(', ')}]`,
        );
      const pixels = await readFiles(files);
      if (inputs.some(({ name }) => name === pixels.name))
        refuse(`input '${FILES.name}' stands in place of '${pixels.name}', which is there, too`);
      inputs.push(pixels);
      continue;
    }
    const head = checked(input, model.inputs);
    if (inputs.some(({ name }) => name === head.name)) refuse(`input '${head.name}' is there twice`);
    const length = input.parameters?.binary_data_size ?? undefined;
    if ('shared_memory_region' in (input.parameters ?? {}))
      refuse(`input '${head.name}': the shared memory extension is not supported`);
    if (length === undefined) {
      if (!Array.isArray(input.data)) return refuse(`input '${head.name}' has no data`);
      inputs.push({ ...head, data: await fromJson(head, input.data) });
    } else {
      if (Array.isArray(input.data)) refuse(`input '${head.name}' has data and binary_data_size`);
      inputs.push({ ...head, data: fromBytes(head, bytes.subarray(position, position + length), length) });
      position += length;
    }
  }
  if (position !== bytes.length)
    refuse(`the body has ${bytes.length} bytes of binary data, but the inputs have ${position}`);
  for (const { name, optional } of model.inputs)
    if (!optional && !inputs.some(input => input.name === name))
      refuse(`input '${name}' is missing; the model takes ${names(model.inputs)}`);
  const given = new Set(inputs.map(({ name }) => name));
  const there = model.outputs.filter(({ needs }) => needs === undefined || given.has(needs));
  if (there.length === 0) refuse(`no input is given; the model takes ${names(model.inputs)}`);
  return { inputs, outputs: wantedOutputs(request, model.outputs, there) };
}

/** Elements of a BYTES tensor in JSON. */
function addresses({ name, data }: Static<typeof InferInput>): string[] {
  if (!Array.isArray(data)) return refuse(`input '${name}' has no data`);
  return data.map(element => {
    if (typeof element !== 'string') return refuse(`input '${name}' has elements that are no texts`);
    return element;
  });
}

/** An input as the model knows it. */
function checked(
  { name, datatype, shape }: Static<typeof InferInput>,
  ports: readonly TensorPort[],
): TensorHead {
  const port = ports.find(known => known.name === name);
  if (port === undefined)
    return refuse(`the model has no input ${JSON.stringify(name)}, only ${names(ports)}`);
  const wanted = datatypeOf(port.type);
  if (datatype !== wanted) refuse(`input '${name}' is ${datatype}, but the model takes ${wanted}`);
  // Of an unknown rank ONNX Runtime says no more than of a scalar; it checks by itself.
  const fits =
    port.shape.length === 0 ||
    (shape.length === port.shape.length &&
      port.shape.every((dimension, i) => typeof dimension === 'string' || dimension === shape[i]));
  const expected = port.shape.map(dimension => (typeof dimension === 'number' ? dimension : -1));
  if (!fits)
    refuse(
      `input '${name}' has the shape [${shape.join(', ')}], but the model takes [${expected.join(', ')}]${expected.includes(-1) ? ', where -1 is any size' : ''}`,
    );
  if (!Number.isSafeInteger(size(shape)))
    refuse(`input '${name}' has the shape [${shape.join(', ')}], which is too large`);
  return { name, type: port.type, shape };
}

function wantedOutputs(
  { outputs, parameters }: Static<typeof InferRequest>,
  ports: readonly TensorPort[],
  byDefault: readonly TensorPort[],
): WantedOutput[] {
  const binary = parameters?.binary_data_output ?? false;
  // Calls of a sequence share a state, which no model here keeps.
  const { sequence_id: sequence } = (parameters ?? {}) as { sequence_id?: unknown };
  if (sequence !== undefined && sequence !== null && sequence !== 0 && sequence !== '')
    refuse('sequence_id: the sequence extension is not supported', 'parameters');
  if (outputs === undefined || outputs === null || outputs.length === 0)
    return byDefault.map(({ name }) => ({ name, binary }));
  const wanted = outputs.map(output => ({
    name: output.name,
    binary: output.parameters?.binary_data ?? binary,
    // An extension that is not spoken here; to ignore it would answer something else than was asked.
    classes: 'classification' in (output.parameters ?? {}),
    shared: 'shared_memory_region' in (output.parameters ?? {}),
  }));
  wanted.forEach(({ name, classes, shared }, i) => {
    if (!ports.some(port => port.name === name))
      refuse(`the model has no output ${JSON.stringify(name)}, only ${names(ports)}`, 'outputs');
    if (wanted.findIndex(other => other.name === name) !== i)
      refuse(`output '${name}' is asked for twice`, 'outputs');
    if (classes) refuse(`output '${name}': the classification extension is not supported`, 'outputs');
    if (shared) refuse(`output '${name}': the shared memory extension is not supported`, 'outputs');
  });
  return wanted;
}

function names(ports: readonly TensorPort[]): string {
  return ports.map(({ name }) => `'${name}'`).join(', ') || 'none';
}
