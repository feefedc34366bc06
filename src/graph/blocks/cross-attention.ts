import { int, ints } from '../onnx/attributes.js';
import type { ModelGraph } from '../model-graph.js';
import { DataType, NONE, type Value } from '../onnx/graph-builder.js';
import {
  attendOverCache,
  packKeysAndValues,
  paddedHeadSize,
  projectHeads,
  projectOutput,
  type AttentionOptions,
  type AttentionWeights,
} from './attention-projections.js';

/** Inputs that all cross-attention layers of a decoder share: how much of each source's cache is filled. */
export interface SourceLengths {
  /**
   * int32 `[batch]`: length of each row's source, minus 1; of a run with several tokens, as many more as it
   * has tokens beside the first.
   */
  readonly lastPositions: Value;
  /** int32 scalar: the largest of them, plus 1. */
  readonly longest: Value;
  /**
   * `[1, 1, sequence, longest]`, added to the scores: 0 at the source's positions, and so negative behind
   * them that nothing is left of those.
   */
  readonly bias: Value;
}

/** Declares the inputs of {@link SourceLengths}: `cross_seqlens_k`, `cross_total` and `cross_bias`. */
export function sourceLengths(graph: ModelGraph): SourceLengths {
  return {
    lastPositions: graph.input('cross_seqlens_k', DataType.INT32, ['batch']),
    longest: graph.input('cross_total', DataType.INT32, []),
    bias: graph.input('cross_bias', graph.floatType, [1, 1, 'sequence', 'cross_longest']),
  };
}

/**
 * Attention of a decoder over its source (Vaswani et al. 2017), whose keys and values {@link fillCrossCache} has
 * left in a cache. Declares it as inputs `cross.N.key`, `cross.N.value` and outputs `kept.N.key`,
 * `kept.N.value`, all `[batch, heads, source, head]`, which must be the same memory: without, the operator
 * crashes.
 *
 * The operator appends no keys, and so reads the cache where it lies and as far as it is filled. It takes each
 * run's last token to stand at the end of the keys, and lets those before it see one key less each: this is
 * why a run with several tokens counts so many more keys, and shuts them out by the bias. What lies there must
 * be finite.
 *
 * Operator: com.microsoft.GroupQueryAttention.
 *
 * @param x `[batch, sequence, hidden]`
 */
export function crossAttention(
  graph: ModelGraph,
  name: string,
  layer: number,
  x: Value,
  { query, queryBias, output, outputBias }: AttentionWeights,
  options: AttentionOptions,
  { lastPositions, longest, bias }: SourceLengths,
): Value {
  const weights = { packed: query, packedBias: queryBias, output, outputBias };
  const [queries] = projectHeads(graph, name, x, weights, options, [0, -1]);
  const noTokens = noNewKeys(graph, queries);
  const attended = attendOverCache(graph, name, layer, {
    op: 'GroupQueryAttention',
    cacheNames: CROSS_CACHE,
    cacheShape: crossCacheShape(options),
    projected: [queries, noTokens, noTokens],
    others: [lastPositions, longest, NONE, NONE, NONE, bias],
    options,
  });
  return projectOutput(graph, name, attended, weights, options);
}

/**
 * Writes the keys and values of a cross-attention layer into its cache, from position 0 of each row on.
 * Declares the cache as {@link crossAttention} does; in and out are meant to be the same memory. Positions
 * behind a shorter source get keys and values, too, as far as the longest one reaches.
 *
 * Operator: TensorScatter.
 *
 * @param hidden `[tokens, hidden]`: the encoder's last states.
 * @param grid `[batch, length]`: where each position's token stands among them; default: they are in rows already,
 * `[batch, length, hidden]`.
 */
export function fillCrossCache(
  graph: ModelGraph,
  name: string,
  layer: number,
  hidden: Value,
  weights: AttentionWeights,
  options: AttentionOptions,
  grid?: Value,
): void {
  const inGrid =
    grid === undefined
      ? undefined
      : (product: Value): Value =>
          graph.node({ op: 'Gather', inputs: [product, grid], name: `${name}.rows` });
  const sides = keysAndValues(
    graph,
    name,
    hidden,
    weights,
    options,
    SIDES.map(side => `${name}.${side}`),
    inGrid,
  );
  const [input, output] = CROSS_CACHE;
  const cacheShape = crossCacheShape(options);
  SIDES.forEach((side, i) => {
    const cache = graph.input(`${input}.${layer}.${side}`, graph.floatType, cacheShape);
    const kept = graph.node({
      op: 'TensorScatter',
      inputs: [cache, sides[i]!],
      name: `${output}.${layer}.${side}`,
      attributes: { axis: int(2) },
    });
    graph.output(kept, graph.floatType, cacheShape);
  });
}

/**
 * Gives the keys and values of a cross-attention layer, of sources that are all as long as they can be, as outputs
 * `kept.N.key` and `kept.N.value`, `[batch, heads, positions, head]`.
 *
 * @param hidden `[batch, positions, hidden]`: the encoder's last states.
 */
export function giveCrossCache(
  graph: ModelGraph,
  name: string,
  layer: number,
  hidden: Value,
  weights: AttentionWeights,
  options: AttentionOptions,
  positions: number,
): void {
  const outputs = SIDES.map(side => `${CROSS_CACHE[1]}.${layer}.${side}`);
  const { heads, headSize } = options;
  for (const output of keysAndValues(graph, name, hidden, weights, options, outputs))
    graph.output(output, graph.floatType, ['batch', heads, positions, paddedHeadSize(headSize)]);
}

const SIDES = ['key', 'value'] as const;

/**
 * The keys and values of all heads, `[batch, heads, length, head]`.
 *
 * @param outputs their names.
 * @param inGrid puts what is projected of `hidden` into rows of sources; default: it is so already.
 */
function keysAndValues(
  graph: ModelGraph,
  name: string,
  hidden: Value,
  weights: AttentionWeights,
  options: AttentionOptions,
  outputs: readonly Value[],
  inGrid = (product: Value): Value => product,
): readonly Value[] {
  const { heads, headSize } = options;
  const packed = packKeysAndValues(weights);
  const [product] = projectHeads(graph, name, hidden, packed, options, [-1]);
  const rows = inGrid(product);
  const shape = graph.shared('cross.heads_shape', () =>
    graph.constant('cross.heads_shape', [4], [0, 0, 2 * heads, paddedHeadSize(headSize)]),
  );
  const apart = graph.node({ op: 'Reshape', inputs: [rows, shape], name: `${name}.apart` });
  const inOrder = graph.node({
    op: 'Transpose',
    inputs: [apart],
    name: `${name}.heads`,
    attributes: { perm: ints([0, 2, 1, 3]) },
  });
  graph.node({
    op: 'Split',
    inputs: [inOrder],
    name: `${name}.split`,
    outputs,
    attributes: { axis: int(1), num_outputs: int(2) },
  });
  return outputs;
}

/** How the names of cross caches begin, as inputs and as outputs. */
const CROSS_CACHE = ['cross', 'kept'] as const;

function crossCacheShape({ kvHeads, headSize }: AttentionOptions): (string | number)[] {
  return ['batch', kvHeads, 'source', paddedHeadSize(headSize)];
}

/** Keys of no tokens, `[batch, 0, heads × head]`: as wide as queries, of which they are a part. */
function noNewKeys(graph: ModelGraph, queries: Value): Value {
  return graph.shared('cross.no_tokens', () => {
    const constant = (name: string, value: number): Value => graph.constant(`cross.${name}`, [1], [value]);
    const [zero, axis] = [constant('zero', 0), constant('axis', 1)];
    return graph.node({ op: 'Slice', inputs: [queries, zero, zero, axis], name: 'cross.no_tokens' });
  });
}
