import { float, int } from '../onnx/attributes.js';
import type { ModelGraph } from '../model-graph.js';
import { NONE, type Value } from '../onnx/graph-builder.js';
import type { AttentionWeights } from './attention-projections.js';
import { layerLinear } from './layer-linear.js';
import type { RotaryTables } from './rotary.js';

export interface WholeHeads {
  readonly heads: number;
  readonly headSize: number;
  /** Factor of scores; default `1 / sqrt(headSize)`. */
  readonly scale?: number | undefined;
}

/** What changes the scores of a {@link wholeAttention}. */
export interface WholePositions {
  /** `[1 or rows, heads, queries, keys]`, added to the scores. */
  readonly bias?: Value | undefined;
  /** A row of the tables for each position. */
  readonly rotary?: RotaryTables | undefined;
}

/**
 * Bidirectional multi-head attention (Vaswani et al. 2017) over rows of one length, such as pictures' patches or
 * windows of sound: nothing is padded, and every position sees all of its row.
 *
 * Operators: com.microsoft.MultiHeadAttention, whose flash kernel (Dao et al. 2022) runs where nothing is masked, and
 * com.microsoft.RotaryEmbedding.
 *
 * @param queries `[rows, queries, hidden]`: the first positions of `x`, or all.
 * @param x `[rows, keys, hidden]`
 * @returns `[rows, queries, hidden]`
 */
export function wholeAttention(
  graph: ModelGraph,
  name: string,
  queries: Value,
  x: Value,
  weights: AttentionWeights,
  heads: WholeHeads,
  { bias, rotary }: WholePositions = {},
): Value {
  const rotate = (side: string, value: Value): Value =>
    rotary === undefined ? value : rotateTokens(graph, `${name}.${side}.rotated`, value, heads, rotary);
  const query = rotate(
    'query',
    layerLinear(graph, `${name}.query`, queries, weights.query, weights.queryBias),
  );
  const key = rotate('key', layerLinear(graph, `${name}.key`, x, weights.key, weights.keyBias));
  const value = layerLinear(graph, `${name}.value`, x, weights.value, weights.valueBias);
  const attended = attend(graph, `${name}.attention`, [query, key, value], heads, bias);
  return layerLinear(graph, `${name}.output`, attended, weights.output, weights.outputBias);
}

/** Attention of projected queries to keys and values. */
export function attend(
  graph: ModelGraph,
  name: string,
  projected: readonly [query: Value, key: Value, value: Value],
  { heads, headSize, scale = 1 / Math.sqrt(headSize) }: WholeHeads,
  bias?: Value,
): Value {
  return graph.node({
    op: 'MultiHeadAttention',
    domain: 'com.microsoft',
    inputs: [...projected, ...(bias === undefined ? [] : [NONE, NONE, bias])],
    name,
    attributes: { num_heads: int(heads), scale: float(scale) },
  });
}

function rotateTokens(
  graph: ModelGraph,
  name: string,
  x: Value,
  { heads }: WholeHeads,
  { cos, sin }: RotaryTables,
): Value {
  const first = graph.shared('rotary.first', () => graph.constant('rotary.first', [1], [0]));
  return graph.node({
    op: 'RotaryEmbedding',
    domain: 'com.microsoft',
    inputs: [x, first, cos, sin],
    name,
    attributes: { num_heads: int(heads) },
  });
}
