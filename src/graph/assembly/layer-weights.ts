import type { AttentionWeights } from '../blocks/attention-projections.js';
import type { Bias } from '../blocks/linear.js';
import { sliceRows, type Matrix } from '../weights/matrix.js';
import { sliceVector, type ModelWeights } from '../weights/model-weights.js';
import type { LayerWeights } from './bert-design.js';
import type { EncoderSource } from './encoder-architecture.js';

/** A family's names of the weights of one layer. */
export interface LayerNames {
  readonly query: string;
  readonly key: string;
  readonly value: string;
  readonly output: string;
  readonly attentionNorm: string;
  readonly up: string;
  readonly down: string;
  readonly feedForwardNorm: string;
}

/**
 * A layer like BERT's: a plain feed-forward half with biases.
 *
 * @param attention default: square projections with biases.
 */
export function namedLayer(
  { body, sizes: { hiddenSize } }: EncoderSource,
  names: LayerNames,
  intermediateSize: number,
  attention = squareAttention(body, names, hiddenSize),
): LayerWeights {
  const up = dense(body, names.up, intermediateSize, hiddenSize);
  const down = dense(body, names.down, hiddenSize, intermediateSize);
  return {
    attention,
    feedForward: { up: up.matrix, upBias: up.bias, down: down.matrix, downBias: down.bias },
    attentionNorm: names.attentionNorm,
    feedForwardNorm: names.feedForwardNorm,
  };
}

/** Attention whose four projections are stored apart. */
export function squareAttention(
  weights: ModelWeights,
  names: Pick<LayerNames, 'query' | 'key' | 'value' | 'output'>,
  hiddenSize: number,
  biased = true,
): AttentionWeights {
  const [query, key, value, output] = [names.query, names.key, names.value, names.output].map(name =>
    dense(weights, name, hiddenSize, hiddenSize, biased),
  );
  return ofParts(query!, key!, value!, output!);
}

/** Attention whose queries, keys and values are stored one under the other. */
export function packedAttention(
  weights: ModelWeights,
  names: { readonly packed: string; readonly output: string },
  hiddenSize: number,
  biased: boolean,
): AttentionWeights {
  const packed = dense(weights, names.packed, 3 * hiddenSize, hiddenSize, biased);
  const [query, key, value] = [0, 1, 2].map(index => part(packed, index, hiddenSize));
  return ofParts(query!, key!, value!, dense(weights, names.output, hiddenSize, hiddenSize, biased));
}

/** A matrix, and its bias where it has one. */
export interface Dense {
  readonly matrix: Matrix;
  readonly bias: Bias | undefined;
}

/** A fully connected layer by its name. */
export function dense(
  weights: ModelWeights,
  name: string,
  rows: number,
  columns: number,
  biased = true,
): Dense {
  return {
    matrix: weights.matrix(name, rows, columns),
    bias: biased ? weights.bias(name, rows) : undefined,
  };
}

/** One of several equal parts that are stored one under the other. */
export function part({ matrix, bias }: Dense, index: number, rows: number): Dense {
  const [begin, end] = [index * rows, (index + 1) * rows];
  return { matrix: sliceRows(matrix, begin, end), bias: bias && sliceVector(bias, begin, end) };
}

function ofParts(query: Dense, key: Dense, value: Dense, output: Dense): AttentionWeights {
  return {
    query: query.matrix,
    queryBias: query.bias,
    key: key.matrix,
    keyBias: key.bias,
    value: value.matrix,
    valueBias: value.bias,
    output: output.matrix,
    outputBias: output.bias,
  };
}
