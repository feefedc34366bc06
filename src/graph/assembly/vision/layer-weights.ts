import type { Activation } from '../../blocks/activation.js';
import type { AttentionWeights } from '../../blocks/attention-projections.js';
import { feedForward, gatedFeedForward } from '../../blocks/feed-forward.js';
import type { ModelGraph } from '../../model-graph.js';
import type { Value } from '../../onnx/graph-builder.js';
import { scaleRows, sliceRows, type Matrix } from '../../weights/matrix.js';
import { sliceVector, type ModelWeights, type Vector } from '../../weights/model-weights.js';

/** A family's names of the weights of one layer; biases that a layer has not are not asked for. */
export interface VisionLayerNames {
  readonly query: string;
  readonly key: string;
  readonly value: string;
  readonly output: string;
  readonly attentionNorm: string;
  readonly feedForwardNorm: string;
  readonly up: string;
  readonly down: string;
  /** The gate of a gated feed-forward layer, where it is a layer of its own. */
  readonly gate?: string | undefined;
  /** True if the first half of `up` is the gate. */
  readonly upHasGate?: boolean;
  /** Layer scale (Touvron et al. 2021) of both halves: vectors by their whole names. */
  readonly scales?: readonly [attention: string, feedForward: string] | undefined;
}

/** Which of a layer's projections have a bias; all others have one. */
export interface LayerBiases {
  readonly query?: boolean;
  readonly key?: boolean;
  readonly value?: boolean;
  readonly output?: boolean;
  readonly feedForward?: boolean;
}

/** Weights of a layer's attention, its layer scale in the last of them. */
export function attentionWeights(
  body: ModelWeights,
  { query, key, value, output, scales }: VisionLayerNames,
  hiddenSize: number,
  biases: LayerBiases = {},
): AttentionWeights {
  const matrix = (name: string): Matrix => body.matrix(name, hiddenSize, hiddenSize);
  const bias = (name: string, has = true): Vector | undefined =>
    has ? body.bias(name, hiddenSize) : undefined;
  return {
    query: matrix(query),
    queryBias: bias(query, biases.query),
    key: matrix(key),
    keyBias: bias(key, biases.key),
    value: matrix(value),
    valueBias: bias(value, biases.value),
    ...scaled(body, matrix(output), bias(output, biases.output), scales?.[0], (output, outputBias) => ({
      output,
      outputBias,
    })),
  };
}

/** What a feed-forward half must know beside its names. */
export interface FeedForwardShape {
  readonly hiddenSize: number;
  readonly intermediateSize: number;
  readonly activation: Activation;
  readonly biases?: LayerBiases;
}

/** The feed-forward half of a layer, with a gate where it has one, its layer scale in the last of its weights. */
export function writeFeedForward(
  graph: ModelGraph,
  body: ModelWeights,
  name: string,
  x: Value,
  { up, down, gate, upHasGate = false, scales }: VisionLayerNames,
  { hiddenSize, intermediateSize, activation, biases }: FeedForwardShape,
): Value {
  const has = biases?.feedForward ?? true;
  const bias = (layer: string, size: number): Vector | undefined =>
    has ? body.bias(layer, size) : undefined;
  const halves = upHasGate ? 2 : 1;
  const upMatrix = body.matrix(up, halves * intermediateSize, hiddenSize);
  const upBias = bias(up, halves * intermediateSize);
  const weights = {
    up: upMatrix,
    upBias,
    ...scaled(
      body,
      body.matrix(down, hiddenSize, intermediateSize),
      bias(down, hiddenSize),
      scales?.[1],
      (down, downBias) => ({ down, downBias }),
    ),
  };
  if (gate === undefined && !upHasGate) return feedForward(graph, name, x, weights, activation);
  if (gate !== undefined) {
    const own = {
      gate: body.matrix(gate, intermediateSize, hiddenSize),
      gateBias: bias(gate, intermediateSize),
    };
    return gatedFeedForward(graph, name, x, { ...weights, ...own }, activation);
  }
  const [begin, end] = [intermediateSize, 2 * intermediateSize];
  const apart = {
    gate: sliceRows(upMatrix, 0, begin),
    gateBias: upBias && sliceVector(upBias, 0, begin),
    up: sliceRows(upMatrix, begin, end),
    upBias: upBias && sliceVector(upBias, begin, end),
  };
  return gatedFeedForward(graph, name, x, { ...weights, ...apart }, activation);
}

/** A half's last projection with its layer scale in it. */
function scaled<T>(
  body: ModelWeights,
  matrix: Matrix,
  bias: Vector | undefined,
  scale: string | undefined,
  use: (matrix: Matrix, bias: Vector | undefined) => T,
): T {
  if (scale === undefined) return use(matrix, bias);
  const factors = body.vector(scale, matrix.rows);
  const product = bias && {
    size: bias.size,
    load: async () => {
      const by = await factors.load();
      return (await bias.load()).map((value, i) => value * by[i]!);
    },
  };
  return use(scaleRows(matrix, factors), product);
}
