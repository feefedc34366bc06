import type { Activation } from '../blocks/activation.js';
import type { AttentionWeights } from '../blocks/attention-projections.js';
import { embed } from '../blocks/embedding.js';
import {
  feedForward,
  gatedFeedForward,
  type FeedForwardWeights,
  type GatedWeights,
} from '../blocks/feed-forward.js';
import { addBias } from '../blocks/linear.js';
import { layerNorm } from '../blocks/layer-norm.js';
import { multiHeadAttention } from '../blocks/multi-head-attention.js';
import type { Residual } from '../blocks/normalization.js';
import type { RotaryPositions } from '../blocks/packed-rotary.js';
import { addRow, rowsFrom, type Rows } from '../blocks/position-table.js';
import { postNormBlock, preNormBlock, type Normalize } from '../blocks/transformer-block.js';
import type { ModelGraph } from '../model-graph.js';
import type { Value } from '../onnx/graph-builder.js';
import type { Vector } from '../weights/model-weights.js';
import { ActivationMagnitudes, type LayerParts } from './activation-magnitudes.js';
import { embeddingSizeOf, wordTable, type EncoderSource } from './encoder-architecture.js';

const EMBEDDING_NORM = 'embeddings.LayerNorm';

/** Weights of a layer. */
export interface LayerWeights {
  readonly attention: AttentionWeights;
  readonly feedForward: FeedForwardWeights | GatedWeights;
  /** Names of the norms of the two halves. */
  readonly attentionNorm: string;
  readonly feedForwardNorm: string;
}

/** A layer whose attention is being written. */
export interface AttendingLayer {
  /** Its name in the graph. */
  readonly name: string;
  readonly index: number;
  readonly weights: AttentionWeights;
  /** Whether only the listed rows are wanted. */
  readonly isNarrowed: boolean;
}

/** Differences between BERT and its descendants. */
export interface BertDesign {
  /** Word vectors of the batch, where they are not the table's as they are. */
  readonly words?: Value;
  /** A vector for each position; undefined: attention alone tells them apart. */
  readonly positions: Rows | undefined;
  /** Makes the first layer's input of the summed embeddings; default: `embeddings.LayerNorm`. */
  readonly embedded?: (sum: Residual) => Value;
  readonly epsilon: number;
  readonly activation: Activation;
  readonly layer: (index: number) => LayerWeights;
  /** Name of the last norm, of a family that normalises what each half reads rather than their sums. */
  readonly preNorm?: { readonly lastNorm: string };
  /** Bias on attention scores, `[1, heads, longest, longest]`. */
  readonly attentionBias?: Value | undefined;
  readonly rotary?: RotaryPositions | undefined;
  /** Attention of another kind, `[tokens, hidden]` to `[rows, hidden]`. */
  readonly attend?: (layer: AttendingLayer, x: Value) => Value;
  /** Changes what a layer gives. @param embedded the first layer's input. */
  readonly behindLayer?: ((index: number, x: Value, embedded: Value) => Value) | undefined;
}

/**
 * The body that BERT (Devlin et al. 2018) and its descendants share: token, position and segment vectors, summed
 * and normalised, then layers that normalise after each residual sum, or before each half.
 */
export function bertEncoder(source: EncoderSource, design: BertDesign): Value {
  const { graph, batch, sizes } = source;
  const norm = normBy(source, design.epsilon);
  const expected = expectedMagnitudes(source, design);
  const sum = summedEmbeddings(source, design);
  const embeddingNorm = norm(EMBEDDING_NORM, sizes.hiddenSize);
  const embedded =
    design.embedded?.(sum) ??
    foreseen(graph, embeddingNorm, expected?.current)('embedding_norm', sum).normalized;

  let residual: Residual = { stream: embedded, update: undefined };
  for (let index = 0; index < sizes.layers; index++) {
    const name = `layer.${index}`;
    const { weights, sublayers } = layerParts(source, design, name, index);
    const between = expected?.pass(magnitudeParts(source, design, weights));
    const norms = {
      attention: foreseen(graph, norm(weights.attentionNorm, sizes.hiddenSize), between),
      feedForward: foreseen(graph, norm(weights.feedForwardNorm, sizes.hiddenSize), expected?.current),
    };
    const narrow = (stream: Value): Value =>
      batch.narrows(index, sizes.layers) ? batch.listed(`${name}.wanted`, stream) : stream;
    if (design.preNorm !== undefined) {
      residual = preNormBlock(name, residual, sublayers, norms, narrow);
      continue;
    }
    const output = postNormBlock(name, residual.stream, sublayers, norms, narrow);
    residual = { stream: design.behindLayer?.(index, output, embedded) ?? output, update: undefined };
  }
  if (design.preNorm === undefined) return residual.stream;
  return norm(design.preNorm.lastNorm, sizes.hiddenSize)('last_norm', residual).normalized;
}

/** Large features are foreseen where integers are multiplied, for the form that BERT has. */
function expectedMagnitudes(
  { graph, body, sizes }: EncoderSource,
  design: BertDesign,
): ActivationMagnitudes | undefined {
  if (graph.format.w8a8 !== 'all layers') return undefined;
  if (design.embedded !== undefined || design.preNorm !== undefined) return undefined;
  const { attention, feedForward: plain } = design.layer(0);
  if ('gate' in plain || attention.value.rows !== attention.output.columns) return undefined;
  return new ActivationMagnitudes(body.norm(EMBEDDING_NORM, sizes.hiddenSize, design.epsilon));
}

function magnitudeParts(
  { body, sizes: { hiddenSize } }: EncoderSource,
  { activation, epsilon }: BertDesign,
  { attention, feedForward: plain, attentionNorm, feedForwardNorm }: LayerWeights,
): LayerParts {
  return {
    value: { matrix: attention.value, bias: attention.valueBias },
    output: { matrix: attention.output, bias: attention.outputBias },
    attentionNorm: body.norm(attentionNorm, hiddenSize, epsilon),
    up: { matrix: plain.up, bias: plain.upBias },
    activation,
    down: { matrix: plain.down, bias: plain.downBias },
    feedForwardNorm: body.norm(feedForwardNorm, hiddenSize, epsilon),
  };
}

/** A norm of whose results the magnitudes are known. */
function foreseen(graph: ModelGraph, normalize: Normalize, magnitudes: Vector | undefined): Normalize {
  return (name, residual) => {
    const result = normalize(name, residual);
    graph.foresee(result.normalized, { magnitudes });
    return result;
  };
}

/** Norms of the body by the names of their weights. */
export function normBy(
  { graph, body }: EncoderSource,
  epsilon: number,
): (weightName: string, width: number) => Normalize {
  return (weightName, width) => (name, residual) =>
    layerNorm(graph, name, residual, body.norm(weightName, width, epsilon));
}

/** The summed embeddings as they are, for a family that does not normalise them. */
export function summed({ graph }: EncoderSource, { stream, update }: Residual): Value {
  return update === undefined
    ? stream
    : graph.node({ op: 'Add', inputs: [stream, update], name: 'embedded' });
}

/** The position table of the checkpoint, less the rows before a text's first token. */
export function storedPositions({ body, sizes }: EncoderSource, firstPosition = 0): Rows {
  const rows = firstPosition + sizes.contextLength;
  const weight = body.weight('embeddings.position_embeddings.weight', [rows, embeddingSizeOf(sizes)]);
  return rowsFrom(weight, firstPosition);
}

function layerParts(source: EncoderSource, design: BertDesign, name: string, index: number) {
  const { graph, batch, sizes } = source;
  const weights = design.layer(index);
  const isNarrowed = batch.narrows(index, sizes.layers);
  const attend =
    design.attend ??
    ((layer: AttendingLayer, x: Value) => {
      const grid = batch.global(layer.isNarrowed, design.attentionBias);
      return multiHeadAttention(graph, layer.name, x, layer.weights, sizes, grid, design.rotary);
    });
  const sublayers = {
    attention: (x: Value) => attend({ name, index, weights: weights.attention, isNarrowed }, x),
    feedForward: (x: Value) =>
      'gate' in weights.feedForward
        ? gatedFeedForward(graph, `${name}.feed_forward`, x, weights.feedForward, design.activation)
        : feedForward(graph, `${name}.feed_forward`, x, weights.feedForward, design.activation),
  };
  return { weights, sublayers };
}

function summedEmbeddings(source: EncoderSource, design: BertDesign): Residual {
  const { graph, batch, body, sizes } = source;
  const width = embeddingSizeOf(sizes);
  const words = design.words ?? embed(graph, 'embedded.words', wordTable(source), batch.ids);
  const segmentName = 'embeddings.token_type_embeddings.weight';
  const segments = body.has(segmentName) ? body.weight(segmentName, [sizes.segments, width]) : undefined;
  const gathered = (name: string, table: Rows, indices: Value): Value =>
    graph.node({
      op: 'Gather',
      inputs: [graph.floats(`${name}.weight`, [table.rows, width], table.load), indices],
      name: `embedded.${name}`,
    });
  // A model with one segment adds the same vector to every token: it goes into the position table.
  const isConstant = segments !== undefined && sizes.segments === 1;
  if (design.positions === undefined && isConstant)
    return {
      stream: addBias(graph, 'embedded.segment', words, { size: width, load: () => segments.load() }),
      update: undefined,
    };
  const positions = isConstant ? addRow(design.positions!, segments) : design.positions;
  const updates: Value[] = [];
  if (positions !== undefined) updates.push(gathered('positions', positions, batch.positions));
  if (segments !== undefined && !isConstant)
    updates.push(gathered('segments', rowsFrom(segments, 0), batch.segments));
  const [first, second] = updates;
  if (second === undefined) return { stream: words, update: first };
  return {
    stream: words,
    update: graph.node({ op: 'Add', inputs: [first!, second], name: 'embedded.places' }),
  };
}
