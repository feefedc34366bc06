import type { ModelGraph } from '../model-graph.js';
import { int, ints } from '../onnx/attributes.js';
import type { Value } from '../onnx/graph-builder.js';
import type { Weight } from '../weights/checkpoint.js';
import { loadMatrix, padGroups, pickRows, stackRows, type Matrix } from '../weights/matrix.js';
import { ZERO_ROW } from '../weights/packed-rows.js';
import { transpose } from '../weights/transpose.js';
import { paddedHeadSize, stackBiases, type ProjectedAttention } from './attention-projections.js';
import { normOfPadded } from './head-norm.js';
import { layerLinear } from './layer-linear.js';
import { underDimensionsOf } from './leading-dimensions.js';
import type { Bias } from './linear.js';

/** Sizes of multi-head latent attention. */
export interface LatentSizes {
  readonly heads: number;
  /** Features of a head of queries and keys that have no positions. */
  readonly still: number;
  /** Features of a head of queries, and of the key of all heads, that rotary positions turn. */
  readonly turned: number;
  /** Features of a head of values. */
  readonly value: number;
  /** Features of the latent of which keys and values are made. */
  readonly rank: number;
}

/** A projection through a bottleneck with a root mean square norm in it. */
export interface Bottleneck {
  /** `[rank, hidden]` */
  readonly down: Matrix;
  readonly downBias?: Bias | undefined;
  readonly norm: Weight;
}

/** Weights of multi-head latent attention. */
export interface LatentWeights {
  /** Undefined: queries are projected at once. */
  readonly queryBottleneck?: Bottleneck | undefined;
  /** `[heads × (still + turned), rank of the bottleneck, or hidden]` */
  readonly query: Matrix;
  /** `[rank + turned, hidden]`: the latent, and behind it the part of keys that turns. */
  readonly latent: Bottleneck;
  /** `[heads × (still + value), rank]`: of each head the keys' rows, then the values'. */
  readonly expand: Matrix;
  /** `[hidden, heads × value]` */
  readonly output: Matrix;
  readonly outputBias?: Bias | undefined;
  /** Of both norms. */
  readonly epsilon: number;
  /** True if neighbouring features turn against each other; else those of one half against those of the other. */
  readonly interleaved: boolean;
}

/**
 * Features of a head in the graph: first those that turn, then the latent, both padded by zeros to what the operator
 * takes.
 */
export function latentHeadSize({ turned, rank }: Pick<LatentSizes, 'turned' | 'rank'>): number {
  return paddedHeadSize(turned) + paddedHeadSize(rank);
}

/**
 * Multi-head latent attention (DeepSeek-V2, DeepSeek-AI 2024, section 2.1) with the projections of keys and values
 * absorbed by those of queries and of the output: `q · (W_k c) = (W_kᵀ q) · c`, and `Σ p W_v c = W_v Σ p c`. What is
 * left is an attention of many heads of queries to one key, the latent `c` and the part that turns, which is its value,
 * too. So that is all that a cache has of a token, and the attention is one that any operator does.
 *
 * The part that turns comes out of the attention with the latent, and is multiplied by zeros.
 *
 * @param x `[...tokens, hidden]`
 * @param queryFactor of each token's queries, `[...tokens, 1]`.
 */
export function projectLatents(
  graph: ModelGraph,
  name: string,
  x: Value,
  sizes: LatentSizes,
  weights: LatentWeights,
  queryFactor?: Value,
): ProjectedAttention {
  const { heads, still, turned, rank } = sizes;
  const [wideTurned, wideRank] = [paddedHeadSize(turned), paddedHeadSize(rank)];
  const turnedRows = turnedOrder(turned, wideTurned, weights.interleaved);
  const { queryBottleneck, latent, epsilon } = weights;
  const queryRows = Array.from({ length: heads }, (_, head) => {
    const first = head * (still + turned);
    return [...from(first + still, turnedRows), ...range(first, still)];
  }).flat();
  const latentRows = [...from(rank, turnedRows), ...range(0, rank), ...zeros(wideRank - rank)];
  const query = pickRows(weights.query, queryRows);

  const beside = queryBottleneck ?? { down: query, downBias: undefined };
  const parts = [pickRows(latent.down, latentRows), beside.down];
  const latentBias = latent.downBias && pickElements(latent.downBias, latentRows);
  const biases = stackBiases(parts, [latentBias, beside.downBias]);
  const product = layerLinear(graph, `${name}.down`, x, stackRows(parts), biases);
  const [turning, compressed, side] = split(graph, `${name}.down`, product, [
    ['turning', wideTurned],
    ['latent', wideRank],
    ['query', beside.down.rows],
  ]) as [Value, Value, Value];
  const padding = [rank, wideRank] as const;
  const normed = normOfPadded(graph, `${name}.latent_norm`, compressed, latent.norm, epsilon, padding);
  const key = graph.node({
    op: 'Concat',
    inputs: [turning, normed],
    name: `${name}.key`,
    attributes: { axis: int(-1) },
  });
  const queries =
    queryBottleneck === undefined
      ? side
      : behindNorm(graph, `${name}.query`, side, queryBottleneck.norm, epsilon, query);
  const absorbed = absorbKeys(graph, name, x, queries, sizes, weights.expand);
  const factored =
    queryFactor === undefined
      ? absorbed
      : graph.node({ op: 'Mul', inputs: [absorbed, queryFactor], name: `${name}.query.scaled` });
  return {
    projected: [factored, key, key],
    output: attended => expandValues(graph, name, attended, sizes, weights),
  };
}

/** All heads of queries, each with its part that turns first. */
function behindNorm(
  graph: ModelGraph,
  name: string,
  x: Value,
  norm: Weight,
  epsilon: number,
  query: Matrix,
): Value {
  const size = norm.shape[0]!;
  const normed = normOfPadded(graph, `${name}_norm`, x, norm, epsilon, [size, size]);
  return layerLinear(graph, name, normed, query);
}

/** Queries for the latent in place of those for keys, `[...tokens, heads × head]`. */
function absorbKeys(
  graph: ModelGraph,
  name: string,
  x: Value,
  queries: Value,
  sizes: LatentSizes,
  expand: Matrix,
): Value {
  const { heads, still, turned, value, rank } = sizes;
  const [wideTurned, wideRank] = [paddedHeadSize(turned), paddedHeadSize(rank)];
  const apart = byHead(graph, `${name}.queries`, queries, heads, wideTurned + still);
  const [turning, forKeys] = split(graph, `${name}.queries`, apart, [
    ['turning', wideTurned],
    ['still', still],
  ]) as [Value, Value];
  const matrices = graph.floats(`${name}.absorbed.weight`, [heads, still, wideRank], () =>
    eachHead(expand, heads, still + value, still * wideRank, rows =>
      padGroups(rows.subarray(0, still * rank), rank, wideRank),
    ),
  );
  const forLatent = graph.node({ op: 'MatMul', inputs: [forKeys, matrices], name: `${name}.absorbed` });
  const whole = graph.node({
    op: 'Concat',
    inputs: [turning, forLatent],
    name: `${name}.queries.whole`,
    attributes: { axis: int(-1) },
  });
  return byToken(graph, `${name}.queries`, whole, x, heads * latentHeadSize(sizes));
}

/** What the heads gave of latents, as values, projected back. */
function expandValues(
  graph: ModelGraph,
  name: string,
  attended: Value,
  sizes: LatentSizes,
  { expand, output, outputBias }: LatentWeights,
): Value {
  const { heads, still, turned, value, rank } = sizes;
  const headSize = latentHeadSize(sizes);
  const apart = byHead(graph, `${name}.attended`, attended, heads, headSize);
  const matrices = graph.floats(`${name}.values.weight`, [heads, headSize, value], () =>
    eachHead(expand, heads, still + value, headSize * value, rows => {
      const result = new Float32Array(headSize * value);
      result.set(transpose(rows.subarray(still * rank), value, rank), paddedHeadSize(turned) * value);
      return result;
    }),
  );
  const values = graph.node({ op: 'MatMul', inputs: [apart, matrices], name: `${name}.values` });
  const tokens = byToken(graph, `${name}.values`, values, attended, heads * value);
  return layerLinear(graph, `${name}.output`, tokens, output, outputBias);
}

/** `[...tokens, heads × size]` becomes `[heads, tokens, size]`. */
function byHead(graph: ModelGraph, name: string, x: Value, heads: number, size: number): Value {
  const shape = graph.shared(`heads_shape.${heads}.${size}`, () =>
    graph.constant(`heads_shape.${heads}.${size}`, [3], [-1, heads, size]),
  );
  const apart = graph.node({ op: 'Reshape', inputs: [x, shape], name: `${name}.apart` });
  return graph.node({
    op: 'Transpose',
    inputs: [apart],
    name: `${name}.by_head`,
    attributes: { perm: ints([1, 0, 2]) },
  });
}

/** `[heads, tokens, size]` becomes `[...tokens, heads × size]`, the tokens as `like` has them. */
function byToken(graph: ModelGraph, name: string, x: Value, like: Value, width: number): Value {
  const turned = graph.node({
    op: 'Transpose',
    inputs: [x],
    name: `${name}.by_token`,
    attributes: { perm: ints([1, 0, 2]) },
  });
  return underDimensionsOf(graph, `${name}.together`, turned, like, width);
}

/** Parts of the last axis, by their names and widths. */
function split(
  graph: ModelGraph,
  name: string,
  x: Value,
  parts: readonly (readonly [part: string, width: number])[],
): readonly Value[] {
  const widths = parts.map(([, width]) => width);
  const sizes = graph.constant(`${name}.widths`, [parts.length], widths);
  const outputs = parts.map(([part]) => `${name}.${part}`);
  graph.node({
    op: 'Split',
    inputs: [x, sizes],
    name: `${name}.split`,
    outputs,
    attributes: { axis: int(-1) },
  });
  return outputs;
}

/** The features that turn, one half of the pairs before the other, each half followed by zeros. */
function turnedOrder(turned: number, padded: number, interleaved: boolean): readonly number[] {
  const pairs = turned / 2;
  const half = (second: number): readonly number[] => [
    ...Array.from({ length: pairs }, (_, i) => (interleaved ? 2 * i + second : i + second * pairs)),
    ...zeros((padded - turned) / 2),
  ];
  return [...half(0), ...half(1)];
}

/** Rows of a part that begins somewhere. */
function from(begin: number, rows: readonly number[]): readonly number[] {
  return rows.map(row => (row === ZERO_ROW ? row : begin + row));
}

function range(begin: number, count: number): readonly number[] {
  return Array.from({ length: count }, (_, i) => begin + i);
}

function zeros(count: number): readonly number[] {
  return new Array<number>(count).fill(ZERO_ROW);
}

function pickElements(bias: Bias, elements: readonly number[]): Bias {
  return {
    size: elements.length,
    load: async () => {
      const values = await bias.load();
      return Float32Array.from(elements, element => (element === ZERO_ROW ? 0 : values[element]!));
    },
  };
}

/** What becomes of each head's rows of a matrix, one behind the other. */
async function eachHead(
  source: Matrix,
  heads: number,
  height: number,
  size: number,
  change: (rows: Float32Array) => Float32Array,
): Promise<Float32Array> {
  const values = await loadMatrix(source);
  const result = new Float32Array(heads * size);
  const length = height * source.columns;
  for (let head = 0; head < heads; head++)
    result.set(change(values.subarray(head * length, (head + 1) * length)), head * size);
  return result;
}
