import { float, int } from '../onnx/attributes.js';
import type { ModelGraph } from '../model-graph.js';
import { DataType, NONE, type Value } from '../onnx/graph-builder.js';
import { concat, padGroups, padColumns, padRows, stackRows, type Matrix } from '../weights/matrix.js';
import { linear, type Bias } from './linear.js';
import type { RotaryTables } from './rotary.js';

/** Heads of an attention layer. */
export interface Heads {
  readonly heads: number;
  /** Key and value heads, each shared by `heads / kvHeads` query heads: 1 is multi-query, `heads` is multi-head attention. */
  readonly kvHeads: number;
  /** Features of a head, in the model. */
  readonly headSize: number;
}

/**
 * Features of a head in the graph: GroupQueryAttention takes multiples of 16, so other heads are padded by zeros. Each half of a head is
 * padded by itself, since rotary positions turn the first half against the second.
 */
export function paddedHeadSize(headSize: number): number {
  return Math.ceil(headSize / 16) * 16;
}

/** What all attention layers of a decoder share: how much of the cache is filled. */
export interface CacheLengths {
  /** int32 `[batch]`: positions of each row after this run, minus 1. */
  readonly lastPositions: Value;
  /** int32 scalar: the largest of them, plus 1. */
  readonly longest: Value;
}

/** Declares the inputs of {@link CacheLengths}. */
export function cacheLengths(graph: ModelGraph): CacheLengths {
  return {
    lastPositions: graph.input('seqlens_k', DataType.INT32, ['batch']),
    longest: graph.input('total_sequence_length', DataType.INT32, []),
  };
}

/** Weights of an attention layer; biases may be absent. */
export interface AttentionWeights {
  readonly query: Matrix;
  readonly key: Matrix;
  readonly value: Matrix;
  readonly output: Matrix;
  readonly queryBias?: Bias | undefined;
  readonly keyBias?: Bias | undefined;
  readonly valueBias?: Bias | undefined;
  readonly outputBias?: Bias | undefined;
}

/**
 * Causal grouped-query attention (Ainslie et al. 2023) with a KV cache and rotary positions. Queries, keys and values come from one
 * matrix product. Declares the cache as inputs `past.N.key`, `past.N.value` and outputs `present.N.key`, `present.N.value`, all
 * `[batch, kvHeads, cache, head]`; past and present are meant to be the same memory, which the operator then fills in place.
 *
 * Operator: com.microsoft.GroupQueryAttention.
 *
 * @param x `[batch, sequence, hidden]`
 */
export function groupedQueryAttention(
  graph: ModelGraph,
  name: string,
  layer: number,
  x: Value,
  weights: AttentionWeights,
  { heads, kvHeads, headSize }: Heads,
  rotary: RotaryTables | undefined,
  { lastPositions, longest }: CacheLengths,
): Value {
  const padded = paddedHeadSize(headSize);
  const [half, paddedHalf] = [headSize / 2, padded / 2];
  const qkv = stackRows(
    [weights.query, weights.key, weights.value].map(matrix => padRows(matrix, half, paddedHalf)),
  );
  const biases = [weights.queryBias, weights.keyBias, weights.valueBias];
  const packed = linear(graph, `${name}.qkv`, x, qkv, stackBiases(biases, qkv.rows, half, paddedHalf));

  const cacheShape = ['batch', kvHeads, 'cache', padded];
  const past = ['key', 'value'].map(side =>
    graph.input(`past.${layer}.${side}`, graph.floatType, cacheShape),
  );
  const present = ['key', 'value'].map(side => `present.${layer}.${side}`);
  const attended = graph.node({
    op: 'GroupQueryAttention',
    domain: 'com.microsoft',
    inputs: [
      packed,
      NONE,
      NONE,
      ...past,
      lastPositions,
      longest,
      ...(rotary === undefined ? [] : [rotary.cos, rotary.sin]),
    ],
    name: `${name}.attention`,
    outputs: [`${name}.attention`, ...present],
    attributes: {
      num_heads: int(heads),
      kv_num_heads: int(kvHeads),
      do_rotary: int(rotary === undefined ? 0 : 1),
      scale: float(1 / Math.sqrt(headSize)),
    },
  });
  for (const value of present) graph.output(value, graph.floatType, cacheShape);
  return linear(
    graph,
    `${name}.output`,
    attended,
    padColumns(weights.output, half, paddedHalf),
    weights.outputBias,
  );
}

function stackBiases(
  biases: readonly (Bias | undefined)[],
  size: number,
  half: number,
  paddedHalf: number,
): Bias | undefined {
  const present = biases.filter(bias => bias !== undefined);
  if (present.length !== biases.length) return undefined;
  return {
    size,
    load: async () => {
      const loaded: Float32Array[] = [];
      for (const bias of present) loaded.push(padGroups(await bias.load(), half, paddedHalf));
      return concat(loaded);
    },
  };
}
