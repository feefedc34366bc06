import type { ModelGraph } from '../model-graph.js';
import type { Value } from '../onnx/graph-builder.js';
import { padGroups, padRows, type Matrix } from '../weights/matrix.js';
import type { AttentionWeights } from './attention-projections.js';
import { everyHead, gridAttention, QUERY_MARK, type PackedHeads } from './grid-attention.js';
import { layerLinear } from './layer-linear.js';
import type { Bias } from './linear.js';
import type { AttentionGrid } from './packed-batch.js';
import { rotateHeads, type RotaryPositions } from './packed-rotary.js';

/** Heads of attention that sees both ways. */
export interface BothWaysHeads {
  readonly heads: number;
  readonly headSize: number;
  /** Factor of scores; default `1 / sqrt(headSize)`. */
  readonly scale?: number | undefined;
}

/**
 * Bidirectional multi-head attention (Vaswani et al. 2017) over a packed batch.
 *
 * @param x `[tokens, hidden]`
 * @returns `[rows, hidden]`: the wanted rows.
 */
export function multiHeadAttention(
  graph: ModelGraph,
  name: string,
  x: Value,
  weights: AttentionWeights,
  heads: BothWaysHeads,
  grid: AttentionGrid,
  rotary?: RotaryPositions,
): Value {
  const projected = projectMarkedHeads(graph, name, x, weights, heads, rotary);
  const attended = gridAttention(graph, name, projected, grid);
  return layerLinear(graph, `${name}.output`, attended, weights.output, weights.outputBias);
}

/**
 * Queries, keys and values of all heads; the further feature of each head that {@link gridAttention} asks for comes
 * out of the projections.
 */
export function projectMarkedHeads(
  graph: ModelGraph,
  name: string,
  x: Value,
  weights: AttentionWeights,
  { heads, headSize, scale = 1 / Math.sqrt(headSize) }: BothWaysHeads,
  rotary?: RotaryPositions,
): PackedHeads {
  const project = (side: string, matrix: Matrix, bias: Bias | undefined): Value =>
    layerLinear(graph, `${name}.${side}`, x, matrix, bias);
  const rotate = (side: string, value: Value): Value =>
    rotary === undefined
      ? value
      : rotateHeads(graph, `${name}.${side}.rotary`, value, heads, headSize, rotary);
  const key = widenHeads(weights.key, weights.keyBias, headSize);
  return {
    query: rotate(
      'query',
      project(
        'query',
        widenHeads(weights.query, undefined, headSize).matrix,
        withMarks(weights.queryBias, heads, headSize),
      ),
    ),
    key: rotate('key', project('key', key.matrix, key.bias)),
    value: project('value', weights.value, weights.valueBias),
    heads,
    headSize,
    scale,
  };
}

/** A projection onto heads that gives 0 as a further feature of each. */
export function widenHeads(
  matrix: Matrix,
  bias: Bias | undefined,
  headSize: number,
): { readonly matrix: Matrix; readonly bias: Bias | undefined } {
  return { matrix: padRows(matrix, headSize, headSize + 1), bias: withZeros(bias, headSize) };
}

/** The queries' bias, with the mark as each head's last feature. */
function withMarks(bias: Bias | undefined, heads: number, headSize: number): Bias {
  const size = headSize + 1;
  return {
    size: heads * size,
    load: async () => {
      const values = everyHead(heads, size, QUERY_MARK);
      if (bias === undefined) return values;
      return padGroups(await bias.load(), headSize, size).map((value, i) => value + values[i]!);
    },
  };
}

function withZeros(bias: Bias | undefined, headSize: number): Bias | undefined {
  return (
    bias && {
      size: (bias.size / headSize) * (headSize + 1),
      load: async () => padGroups(await bias.load(), headSize, headSize + 1),
    }
  );
}
