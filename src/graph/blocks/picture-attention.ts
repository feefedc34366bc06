import { float, int } from '../onnx/attributes.js';
import type { ModelGraph } from '../model-graph.js';
import { NONE, type Value } from '../onnx/graph-builder.js';
import type { AttentionWeights } from './attention-projections.js';
import { layerLinear } from './layer-linear.js';
import type { RotaryTables } from './rotary.js';

export interface PictureHeads {
  readonly heads: number;
  readonly headSize: number;
}

/** What changes the scores of a {@link pictureAttention}. */
export interface PicturePositions {
  /** `[1 or pictures, heads, queries, keys]`, added to the scores. */
  readonly bias?: Value | undefined;
  /** A row of the tables for each token. */
  readonly rotary?: RotaryTables | undefined;
}

/**
 * Multi-head attention (Vaswani et al. 2017) among the tokens of a picture, which are as many in all pictures of a
 * batch: nothing is padded.
 *
 * Operators: com.microsoft.MultiHeadAttention and com.microsoft.RotaryEmbedding.
 *
 * @param queries `[pictures, queries, hidden]`: the first tokens of `x`, or all.
 * @param x `[pictures, keys, hidden]`
 * @returns `[pictures, queries, hidden]`
 */
export function pictureAttention(
  graph: ModelGraph,
  name: string,
  queries: Value,
  x: Value,
  weights: AttentionWeights,
  heads: PictureHeads,
  { bias, rotary }: PicturePositions = {},
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
  { heads, headSize }: PictureHeads,
  bias?: Value,
): Value {
  return graph.node({
    op: 'MultiHeadAttention',
    domain: 'com.microsoft',
    inputs: [...projected, ...(bias === undefined ? [] : [NONE, NONE, bias])],
    name,
    attributes: { num_heads: int(heads), scale: float(1 / Math.sqrt(headSize)) },
  });
}

function rotateTokens(
  graph: ModelGraph,
  name: string,
  x: Value,
  { heads }: PictureHeads,
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
