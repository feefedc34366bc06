import { int, ints } from '../onnx/attributes.js';
import type { ModelGraph } from '../model-graph.js';
import { DataType, type Value } from '../onnx/graph-builder.js';
import {
  paddedHeadSize,
  projectHeads,
  projectOutput,
  type AttentionOptions,
  type AttentionWeights,
} from './attention-projections.js';
import { scale } from './scale.js';

/** Inputs that all shared cross-attention layers of a decoder have in common: which token attends to which source. */
export interface SharedSources {
  /**
   * int64 `[sources, apart, together]`: the tokens of each source, as indices into batch × sequence. Any index fills
   * up a source that has fewer.
   */
  readonly tokens: Value;
  /** int64 `[batch, sequence]`: where each token stands among {@link tokens}, as an index into all of them. */
  readonly places: Value;
}

/** Declares the inputs of {@link SharedSources}: `cross_tokens` and `cross_places`. */
export function sharedSources(graph: ModelGraph): SharedSources {
  return {
    tokens: graph.input('cross_tokens', DataType.INT64, ['sources', 'apart', 'together']),
    places: graph.input('cross_places', DataType.INT64, ['batch', 'sequence']),
  };
}

/**
 * Attention of a decoder over sources (Vaswani et al. 2017) that are all as long as they can be, where any number of
 * tokens share one: beams of a search, or texts of one sound. Declares the sources' keys and values, which their
 * encoder has given, as inputs `cross.N.key` and `cross.N.value`, `[sources, heads, 1, positions, head]`, and an
 * output `looks.N`, `[sources, heads, apart, together, positions]`: how much of each position a token takes.
 *
 * The tokens of a source are multiplied with it `together`, or each `apart` from the others, in a product of its own.
 * Few are quicker apart: then the kernel reads the source where it lies, which it would copy for a product with a
 * matrix. Many are quicker together. What a token gets does not depend on the others that it stands apart from.
 *
 * Operators: FusedMatMul (com.microsoft), Softmax, MatMul.
 *
 * @param x `[batch, sequence, hidden]`
 * @param positions of a source.
 */
export function sharedCrossAttention(
  graph: ModelGraph,
  name: string,
  layer: number,
  x: Value,
  { query, queryBias, output, outputBias }: AttentionWeights,
  options: AttentionOptions,
  { tokens, places }: SharedSources,
  positions: number,
): Value {
  const { heads, headSize } = options;
  const size = paddedHeadSize(headSize);
  const weights = { packed: query, packedBias: queryBias, output, outputBias };
  const [projected] = projectHeads(graph, `${name}`, x, weights, options, [0, -1]);
  // Of the queries: a product with a factor of its own reads no source where it lies.
  const scaled = scale(graph, `${name}.scaled`, projected, options.scale ?? 1 / Math.sqrt(headSize));
  const list = graph.shared('cross.list_shape', () =>
    graph.constant('cross.list_shape', [2], [-1, heads * size]),
  );
  const apart = graph.shared('cross.heads_shape', () =>
    graph.constant('cross.heads_shape', [5], [0, 0, 0, heads, size]),
  );
  const part = (op: string, step: string, inputs: Value[], attributes = {}): Value =>
    graph.node({ op, inputs, name: `${name}.${step}`, attributes });
  const queries = part(
    'Transpose',
    'queries',
    [
      part('Reshape', 'heads', [
        part('Gather', 'grid', [part('Reshape', 'list', [scaled, list]), tokens]),
        apart,
      ]),
    ],
    { perm: ints([0, 3, 1, 2, 4]) },
  );
  const [keys, values] = ['key', 'value'].map(side =>
    graph.input(`cross.${layer}.${side}`, graph.floatType, ['sources', heads, 1, positions, size]),
  ) as [Value, Value];
  const scores = graph.node({
    op: 'FusedMatMul',
    domain: 'com.microsoft',
    inputs: [queries, keys],
    name: `${name}.scores`,
    attributes: { transB: int(1) },
  });
  const looks = graph.node({
    op: 'Softmax',
    inputs: [scores],
    name: `looks.${layer}`,
    attributes: { axis: int(-1) },
  });
  graph.output(looks, graph.floatType, ['sources', heads, 'apart', 'together', positions]);
  const taken = part('MatMul', 'taken', [looks, values]);
  const joined = part('Reshape', 'joined', [
    part('Transpose', 'by_token', [taken], { perm: ints([0, 2, 3, 1, 4]) }),
    list,
  ]);
  return projectOutput(graph, name, part('Gather', 'attended', [joined, places]), weights, options);
}
