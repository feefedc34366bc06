import type { ModelGraph } from '../model-graph.js';
import { DataType, NONE, type Value } from '../onnx/graph-builder.js';
import {
  attendOverCache,
  operatorRotary,
  paddedHeadSize,
  projectHeads,
  projectOutput,
  type AttentionOptions,
  type PackedAttentionWeights,
} from './attention-projections.js';

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
  weights: PackedAttentionWeights,
  options: AttentionOptions,
  { lastPositions, longest }: CacheLengths,
  bias?: Value,
): Value {
  const { kvHeads, headSize } = options;
  const rotary = operatorRotary(options);
  const projected = projectHeads(graph, name, x, weights, options, [0, -1]);
  const tables = rotary === undefined ? [] : [rotary.cos, rotary.sin];
  // Up to the bias, which comes behind tables and positions.
  const unused = Array<Value>(3 - tables.length).fill(NONE);
  const cacheShape = ['batch', kvHeads, 'cache', paddedHeadSize(headSize)];
  const attended = attendOverCache(graph, name, layer, {
    op: 'GroupQueryAttention',
    cacheShape,
    projected,
    others: [lastPositions, longest, ...tables, ...(bias === undefined ? [] : [...unused, bias])],
    options,
  });
  return projectOutput(graph, name, attended, weights, options);
}
