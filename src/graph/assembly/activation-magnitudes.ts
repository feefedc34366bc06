import type { Activation } from '../blocks/activation.js';
import type { Matrix } from '../weights/matrix.js';
import type { NormWeights, Vector } from '../weights/model-weights.js';

/** A fully connected layer, `y = x Wᵀ + b`. */
export interface Layer {
  readonly matrix: Matrix;
  readonly bias: Vector | undefined;
}

/** What a layer of a post-norm encoder adds to the stream, and the norms behind both sums. */
export interface LayerParts {
  readonly value: Layer;
  readonly output: Layer;
  readonly attentionNorm: NormWeights;
  readonly up: Layer;
  readonly activation: Activation;
  readonly down: Layer;
  readonly feedForwardNorm: NormWeights;
}

/** How far normal numbers reach, in standard deviations. */
const REACH = 4;
/** How far sums of many products reach beyond what they usually are. */
const SUM_REACH = 2;
/** Attention takes the mean of several values, which are less than each. */
const MEAN_OF_VALUES = 0.5;
/**
 * As in SmoothQuant (Xiao et al. 2022), the weights, which are quantized as well, take most of the differences
 * between features, but not all.
 */
const SHARE = 0.85;
/** No feature is taken to be less than this: nothing is divided by 0. */
const SMALLEST = 1e-3;

/** Of each feature its mean, its root mean square, and about the largest magnitude. */
interface Sizes {
  readonly mean: Float64Array;
  readonly usual: Float64Array;
  readonly largest: Float64Array;
}

type Update = Omit<Sizes, 'mean'>;

/**
 * Foresees, from the weights alone, how large the features between the layers of a post-norm encoder get: means and
 * variances are followed through the layers as if features were independent and normal. Trained encoders have a few
 * features that are far larger than all others; those are the ones whose rows in the projections back to the stream
 * are large, and here they stand out.
 *
 * Nothing is read before a vector is loaded, and everything only once.
 */
export class ActivationMagnitudes {
  readonly #width: number;
  #sizes: () => Promise<Sizes>;

  /** @param embeddingNorm the norm behind the embeddings. */
  constructor(embeddingNorm: NormWeights) {
    this.#width = embeddingNorm.weight.shape[0]!;
    this.#sizes = once(() => {
      const usual = new Float64Array(this.#width).fill(1);
      return normalized({ usual, largest: usual.map(() => REACH) }, embeddingNorm);
    });
  }

  /** Magnitudes of what the last norm gave. */
  get current(): Vector {
    return magnitudes(this.#sizes, this.#width);
  }

  /** Goes on behind a layer. Returns the magnitudes between its halves. */
  pass(parts: LayerParts): Vector {
    const before = this.#sizes;
    const middle = once(async () => {
      const sizes = await before();
      return normalized(sum(sizes, await attentionUpdate(sizes, parts)), parts.attentionNorm);
    });
    this.#sizes = once(async () => {
      const sizes = await middle();
      return normalized(sum(sizes, await feedForwardUpdate(sizes, parts)), parts.feedForwardNorm);
    });
    return magnitudes(middle, this.#width);
  }
}

function magnitudes(sizes: () => Promise<Sizes>, size: number): Vector {
  return {
    size,
    load: async () => Float32Array.from((await sizes()).largest, value => Math.max(value, SMALLEST) ** SHARE),
  };
}

/** A norm divides by the root mean square of all features: a feature that is much of it gets as large as it can be. */
async function normalized({ usual, largest }: Update, { weight, bias }: NormWeights): Promise<Sizes> {
  const gamma = await weight.load();
  const mean = Float64Array.from((await bias?.load()) ?? new Float32Array(gamma.length));
  const width = usual.length;
  const deviation = Math.sqrt(usual.reduce((total, value) => total + value * value, 0) / width);
  return {
    mean,
    usual: mean.map((shift, i) => Math.hypot(shift, (gamma[i]! * usual[i]!) / deviation)),
    largest: mean.map((shift, i) => {
      const reach = Math.max(largest[i]!, REACH * usual[i]!) / deviation;
      return Math.abs(shift) + Math.abs(gamma[i]!) * Math.min(reach, Math.sqrt(width));
    }),
  };
}

function sum(stream: Update, update: Update): Update {
  return {
    usual: stream.usual.map((value, i) => Math.hypot(value, update.usual[i]!)),
    largest: stream.largest.map((value, i) => value + update.largest[i]!),
  };
}

async function attentionUpdate({ usual }: Sizes, { value, output }: LayerParts): Promise<Update> {
  const values = await squares(value, usual);
  const attended = values.map(square => Math.sqrt(MEAN_OF_VALUES * square));
  const bias = await biasOf(output);
  const sizes = (await squares(output, attended)).map(Math.sqrt);
  return { usual: sizes, largest: sizes.map((size, i) => Math.abs(bias[i]!) + SUM_REACH * size) };
}

async function feedForwardUpdate(
  { mean, usual }: Sizes,
  { up, activation, down }: LayerParts,
): Promise<Update> {
  const means = await biasOf(up);
  const deviations = new Float64Array(up.matrix.rows);
  await eachRow(up.matrix, (row, i) => {
    let variance = 0;
    for (let j = 0; j < row.length; j++) {
      means[i]! += row[j]! * mean[j]!;
      variance += (row[j]! * usual[j]!) ** 2;
    }
    deviations[i] = Math.sqrt(variance);
  });
  const inner = means.map((value, i) => rootMeanSquare(activation, value, deviations[i]!));
  const peaks = means.map((value, i) =>
    Math.max(...[-REACH, REACH].map(reach => Math.abs(apply(activation, value + reach * deviations[i]!)))),
  );
  const sizes = (await squares(down, inner)).map(Math.sqrt);
  const bias = await biasOf(down);
  const largest = new Float64Array(sizes.length);
  await eachRow(down.matrix, (row, i) => {
    // One inner feature may be enough for a large one.
    let peak = SUM_REACH * sizes[i]!;
    for (let j = 0; j < row.length; j++) peak = Math.max(peak, Math.abs(row[j]!) * peaks[j]!);
    largest[i] = Math.abs(bias[i]!) + peak;
  });
  return { usual: sizes, largest };
}

/** Mean squares of a layer's outputs. */
async function squares(layer: Layer, usual: Float64Array): Promise<Float64Array> {
  const result = (await biasOf(layer)).map(value => value * value);
  await eachRow(layer.matrix, (row, i) => {
    for (let j = 0; j < row.length; j++) result[i]! += (row[j]! * usual[j]!) ** 2;
  });
  return result;
}

async function biasOf({ matrix, bias }: Layer): Promise<Float64Array> {
  return bias === undefined ? new Float64Array(matrix.rows) : Float64Array.from(await bias.load());
}

async function eachRow(matrix: Matrix, use: (row: Float32Array, index: number) => void): Promise<void> {
  const { columns } = matrix;
  let index = 0;
  for await (const piece of matrix.pieces())
    for (let start = 0; start < piece.length; start += columns)
      use(piece.subarray(start, start + columns), index++);
}

/** Points at which a normal distribution is looked at, in standard deviations. */
const POINTS = Array.from({ length: 17 }, (_, i) => (i - 8) / 2);
const DENSITIES = POINTS.map(point => Math.exp((-point * point) / 2));
const DENSITY = DENSITIES.reduce((total, density) => total + density, 0);

function rootMeanSquare(activation: Activation, mean: number, deviation: number): number {
  let total = 0;
  for (const [i, point] of POINTS.entries())
    total += DENSITIES[i]! * apply(activation, mean + point * deviation) ** 2;
  return Math.sqrt(total / DENSITY);
}

/** An activation, as far as sizes are concerned: all forms of GELU are one. */
function apply(activation: Activation, x: number): number {
  switch (activation) {
    case 'relu':
      return Math.max(x, 0);
    case 'relu2':
      return Math.max(x, 0) ** 2;
    case 'silu':
    case 'swish':
      return x / (1 + Math.exp(-x));
    case 'sigmoid':
      return 1 / (1 + Math.exp(-x));
    case 'tanh':
      return Math.tanh(x);
    case 'linear':
      return x;
    case 'gelu':
    case 'gelu_new':
    case 'gelu_fast':
    case 'gelu_pytorch_tanh':
    case 'quick_gelu':
      return x / (1 + Math.exp(-1.702 * x));
  }
}

function once<T>(make: () => Promise<T>): () => Promise<T> {
  let made: Promise<T> | undefined;
  return () => (made ??= make());
}
