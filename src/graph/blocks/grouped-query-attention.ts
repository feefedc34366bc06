import type { ModelGraph } from '../model-graph.js';
import { int } from '../onnx/attributes.js';
import { DataType, NONE, type Value } from '../onnx/graph-builder.js';
import {
  attendOverCache,
  operatorRotary,
  paddedHeadSize,
  projectHeads,
  projectOutput,
  type AttentionOptions,
  type PackedAttentionWeights,
  type ProjectedAttention,
} from './attention-projections.js';
import { keyBias } from './key-bias.js';

/** Inputs that all attention layers of a decoder share: how much of the cache is filled. */
export interface CacheLengths {
  /** int32 `[batch]`: positions of each row after this run, minus 1. */
  readonly lastPositions: Value;
  /** int32 scalar: the largest of them, plus 1. */
  readonly longest: Value;
}

/**
 * Declares the inputs of {@link CacheLengths}.
 *
 * @param part stands before their names where a graph has several; default: nothing.
 */
export function cacheLengths(graph: ModelGraph, part = ''): CacheLengths {
  return {
    lastPositions: graph.input(`${part}seqlens_k`, DataType.INT32, [`${part}batch`]),
    longest: graph.input(`${part}total_sequence_length`, DataType.INT32, []),
  };
}

/**
 * Causal grouped-query attention (Ainslie et al. 2023) with a KV cache and rotary positions. Declares the
 * cache as inputs `past.N.key`, `past.N.value` and outputs `present.N.key`, `present.N.value`, all
 * `[batch, kvHeads, cache, head]`; past and present are meant to be the same memory, which the operator then
 * fills in place.
 *
 * Operator: com.microsoft.GroupQueryAttention.
 *
 * @param x `[batch, sequence, hidden]`
 * @param bias added to the scores, `[batch, heads, sequence, longest]`.
 */
export function groupedQueryAttention(
  graph: ModelGraph,
  name: string,
  layer: number,
  x: Value,
  weights: PackedAttentionWeights | ProjectedAttention,
  options: AttentionOptions,
  { lastPositions, longest }: CacheLengths,
  bias?: Value,
): Value {
  const { kvHeads, headSize } = options;
  const projected = projectHeads(graph, name, x, weights, options, [0, -1]);
  const added =
    options.keyBias === undefined
      ? bias
      : keyBias(graph, 'in_run', options.keyBias, queriesOf(graph, x), longest);
  const cacheShape = ['batch', kvHeads, 'cache', paddedHeadSize(headSize)];
  const attended = attendOverCache(graph, name, layer, {
    op: 'GroupQueryAttention',
    cacheShape,
    projected,
    others: [lastPositions, longest, ...changesOfScores(graph, name, options, added)],
    options,
  });
  return projectOutput(graph, name, attended, weights, options);
}

/**
 * The inputs of GroupQueryAttention behind the lengths: rotary tables, then positions, which it does not need, a bias
 * and sinks.
 *
 * @param name of the layer.
 */
export function changesOfScores(
  graph: ModelGraph,
  name: string,
  options: AttentionOptions,
  bias: Value = NONE,
): Value[] {
  const rotary = operatorRotary(options);
  const [cos, sin] = [rotary?.cos ?? NONE, rotary?.sin ?? NONE];
  const inputs = [cos, sin, NONE, bias, attentionSinks(graph, name, options)];
  return inputs.slice(0, inputs.findLastIndex(value => value !== NONE) + 1);
}

/** A layer's sinks, `[heads]`; {@link NONE} where it has none. */
export function attentionSinks(graph: ModelGraph, name: string, { sinks }: AttentionOptions): Value {
  if (sinks === undefined) return NONE;
  const key = `${name}.sinks`;
  return graph.shared(key, () => graph.floats(key, [sinks.size], () => sinks.load()));
}

/** int64 `[1]`: tokens of each row of a run, `[batch, tokens, hidden]`. */
function queriesOf(graph: ModelGraph, x: Value): Value {
  return graph.shared('queries', () =>
    graph.node({
      op: 'Shape',
      inputs: [x],
      name: 'queries',
      attributes: { start: int(1), end: int(2) },
    }),
  );
}
