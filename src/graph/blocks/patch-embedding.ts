import { ints, int } from '../onnx/attributes.js';
import type { ModelGraph } from '../model-graph.js';
import { DataType, type Value } from '../onnx/graph-builder.js';
import type { Weight } from '../weights/checkpoint.js';
import type { Vector } from '../weights/model-weights.js';

/** Red, green and blue. */
export const CHANNELS = 3;

/** How a channel's byte becomes what a model was trained on: `(byte · scale - mean) / deviation`. */
export interface PixelNormalization {
  readonly scale: number;
  readonly mean: readonly [number, number, number];
  readonly deviation: readonly [number, number, number];
}

/** A picture cut into squares; what is left over at its right and lower side is not seen. */
export interface PatchGrid {
  /** Pixels of a side. */
  readonly patch: number;
  /** Patches in a column and in a row. */
  readonly rows: number;
  readonly columns: number;
}

export interface PatchWeights {
  /** `[hidden, 3, patch, patch]`, as a convolution has it. */
  readonly projection: Weight;
  readonly bias: Vector | undefined;
  /** Added to each patch, `[rows · columns, hidden]`. */
  readonly positions: (() => Promise<Float32Array>) | undefined;
}

/**
 * A vector for each patch of each picture (ViT, Dosovitskiy et al. 2020), patches row by row. The normalisation
 * of pixels is in the weights: it is linear, as the projection is.
 *
 * @param pixels uint8 `[batch, height, width, 3]`
 * @returns `[batch, rows · columns, hidden]`
 */
export function patchEmbedding(
  graph: ModelGraph,
  name: string,
  pixels: Value,
  grid: PatchGrid,
  weights: PatchWeights,
  normalization: PixelNormalization,
): Value {
  const { patch, rows, columns } = grid;
  const shape = (what: string, sizes: number[]): Value =>
    graph.constant(`${name}.${what}`, [sizes.length], sizes);
  const axes = shape('axes', [1, 2]);
  const seen = graph.node({
    op: 'Slice',
    inputs: [pixels, shape('begin', [0, 0]), shape('end', [rows * patch, columns * patch]), axes],
    name: `${name}.seen`,
  });
  const cut = graph.node({
    op: 'Reshape',
    inputs: [seen, shape('cut_shape', [0, rows, patch, columns, patch * CHANNELS])],
    name: `${name}.cut`,
  });
  const squares = graph.node({
    op: 'Transpose',
    inputs: [cut],
    name: `${name}.squares`,
    attributes: { perm: ints([0, 1, 3, 2, 4]) },
  });
  const flat = graph.node({
    op: 'Reshape',
    inputs: [squares, shape('flat_shape', [0, rows * columns, patch * patch * CHANNELS])],
    name: `${name}.flat`,
  });
  const floats = graph.node({
    op: 'Cast',
    inputs: [flat],
    name: `${name}.floats`,
    attributes: { to: int(DataType.FLOAT) },
  });
  const [hidden] = weights.projection.shape as [number];
  const matrix = graph.floats(`${name}.weight`, [patch * patch * CHANNELS, hidden], async () =>
    projectionOfBytes(await weights.projection.load(), hidden, patch, normalization),
  );
  const places = weights.positions === undefined ? 1 : rows * columns;
  const offset = graph.floats(`${name}.offset`, [places, hidden], () =>
    offsetOfBytes(weights, hidden, places, normalization),
  );
  const product = graph.node({ op: 'MatMul', inputs: [floats, matrix], name: `${name}.product` });
  return graph.node({ op: 'Add', inputs: [product, offset], name });
}

/** The projection for bytes, `[row, column, channel][hidden]`. */
function projectionOfBytes(
  weights: Float32Array,
  hidden: number,
  patch: number,
  { scale, deviation }: PixelNormalization,
): Float32Array {
  const result = new Float32Array(weights.length);
  const area = patch * patch;
  for (let feature = 0; feature < hidden; feature++)
    for (let channel = 0; channel < CHANNELS; channel++)
      for (let place = 0; place < area; place++)
        result[(place * CHANNELS + channel) * hidden + feature] =
          (weights[(feature * CHANNELS + channel) * area + place]! * scale) / deviation[channel]!;
  return result;
}

/** What is added behind it: bias, positions, and what the mean takes away. */
async function offsetOfBytes(
  { projection, bias, positions }: PatchWeights,
  hidden: number,
  places: number,
  { mean, deviation }: PixelNormalization,
): Promise<Float32Array> {
  const weights = await projection.load();
  const area = weights.length / hidden / CHANNELS;
  const own = bias === undefined ? new Float64Array(hidden) : Float64Array.from(await bias.load());
  for (let feature = 0; feature < hidden; feature++)
    for (let channel = 0; channel < CHANNELS; channel++) {
      let sum = 0;
      for (let place = 0; place < area; place++)
        sum += weights[(feature * CHANNELS + channel) * area + place]!;
      own[feature]! -= (sum * mean[channel]!) / deviation[channel]!;
    }
  const result = (await positions?.()) ?? new Float32Array(places * hidden);
  return result.map((value, i) => value + own[i % hidden]!);
}
