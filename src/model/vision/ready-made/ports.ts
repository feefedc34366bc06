import { KvasirError } from '#errors.js';
import { DataType, type GraphValue, type OnnxFile } from '../../onnx-file.js';
import type { VisionTask } from '../contract.js';

/** What a vector is made of an output by. */
export type VectorOf =
  /** It is one for each picture or text. */
  | 'whole'
  /** The vector of the first token of many. */
  | 'first token';

/** An output that holds the vectors that are wanted. */
export interface VectorOutput {
  readonly name: string;
  readonly width: number;
  readonly of: VectorOf;
}

/** The input of a ready-made graph that takes pictures: float `[batch, 3, height, width]`. */
export const PIXELS = 'pixel_values';

/**
 * The output of a ready-made encoder of pictures that its task is answered from: logits, or the most finished of
 * vectors. A ViT's or DeiT's `pooler_output` is none: what made it was trained for something else.
 *
 * @param modelType of config.json.
 * @param width of a result, where the graph does not tell; undefined: nor does anything else.
 * @throws KvasirError `unsupported_model`, naming the file
 */
export function pictureOutput(
  graph: OnnxFile,
  task: VisionTask,
  modelType: string,
  width: number | undefined,
): VectorOutput {
  requireInputs(graph, [PIXELS]);
  const [{ type, shape }] = graph.inputs as [GraphValue];
  if (type !== DataType.FLOAT || (shape.length > 0 && shape.length !== 4))
    return fail(
      graph,
      `takes pictures as ${DataType[type]} [${shape.join(', ')}], not as floats [batch, 3, height, width]`,
    );
  if (task === 'image-classification') {
    return whole(graph, 'logits', width) ?? missing(graph, task);
  }
  const isClassToken = ['vit', 'deit', 'dinov2', 'dinov2_with_registers', 'dinov3_vit'].includes(modelType);
  return (
    whole(graph, 'image_embeds', width) ??
    (isClassToken ? firstToken(graph, width) : undefined) ??
    whole(graph, 'pooler_output', width) ??
    missing(graph, task)
  );
}

/** What a ready-made encoder of texts takes. */
export const TEXT_INPUTS = ['input_ids', 'attention_mask'];

/**
 * The output of a ready-made tower of texts with their vectors.
 *
 * @param width of a vector, where the graph does not tell.
 * @throws KvasirError `unsupported_model`, naming the file
 */
export function textOutput(graph: OnnxFile, width: number): VectorOutput {
  requireInputs(graph, TEXT_INPUTS);
  return (
    whole(graph, 'text_embeds', width) ??
    whole(graph, 'pooler_output', width) ??
    missing(graph, 'embeddings of texts')
  );
}

function whole(graph: OnnxFile, name: string, otherwise: number | undefined): VectorOutput | undefined {
  const width = widthOf(graph, name, otherwise);
  return width === undefined ? undefined : { name, width, of: 'whole' };
}

function firstToken(graph: OnnxFile, otherwise: number | undefined): VectorOutput | undefined {
  const name = 'last_hidden_state';
  const width = widthOf(graph, name, otherwise);
  return width === undefined ? undefined : { name, width, of: 'first token' };
}

/** Width of a float output's rows; undefined where there is no such output, or nothing tells. */
function widthOf({ outputs }: OnnxFile, name: string, otherwise: number | undefined): number | undefined {
  const output = outputs.find(value => value.name === name && value.type === DataType.FLOAT);
  if (output === undefined) return undefined;
  // Some exporters of convolutional networks leave the two sides of a pooled picture, both 1.
  const last = output.shape.filter((_, axis) => axis < 2 || output.shape.length === 3).at(-1);
  return typeof last === 'number' ? last : otherwise;
}

function requireInputs(graph: OnnxFile, known: readonly string[]): void {
  const strange = graph.inputs.find(({ name }) => !known.includes(name));
  if (strange !== undefined) fail(graph, `has an input '${strange.name}', which is not known here`);
  if (!graph.inputs.some(({ name }) => name === known[0])) fail(graph, `has no input '${known[0]}'`);
}

function missing(graph: OnnxFile, what: string): never {
  const names = graph.outputs.map(({ name, shape }) => `${name} [${shape.join(', ')}]`);
  return fail(graph, `has the outputs ${names.join(', ') || '(none)'}, none of which is what ${what} needs`);
}

function fail({ path }: OnnxFile, fault: string): never {
  throw new KvasirError('unsupported_model', `${path} ${fault}`);
}
