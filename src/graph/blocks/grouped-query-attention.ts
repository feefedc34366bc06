import { float, int } from '../onnx/attributes.js';
import type { ModelGraph } from '../model-graph.js';
import { DataType, NONE, type Value } from '../onnx/graph-builder.js';
import { concat, padGroups, padColumns, padRows, stackRows, type Matrix } from '../weights/matrix.js';
import { headNorm, type HeadNorms } from './head-norm.js';
import { layerLinear } from './layer-linear.js';
import type { Bias } from './linear.js';
import type { RotaryTables } from './rotary.js';

/** Heads of an attention layer. */
export interface Heads {
  readonly heads: number;
  /** Key and value heads, each shared by `heads / kvHeads` query heads: 1 is multi-query, `heads` is multi-head attention. */
  readonly kvHeads: number;
  /** Features of a head, in the model. */
  readonly headSize: number;
}

/** Features of a head in the graph: GroupQueryAttention takes multiples of 16, so other heads are padded by zeros. */
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

/** The same with queries, keys and values one under the other. */
export interface PackedAttentionWeights {
  /** `[(heads + 2 kvHeads) × headSize, hidden]` */
  readonly packed: Matrix;
  readonly packedBias?: Bias | undefined;
  readonly output: Matrix;
  readonly outputBias?: Bias | undefined;
}

/** One matrix product gives queries, keys and values. */
export function packAttention(weights: AttentionWeights): PackedAttentionWeights {
  const { query, key, value, output, outputBias } = weights;
  return {
    packed: stackRows([query, key, value]),
    packedBias: stackBiases([weights.queryBias, weights.keyBias, weights.valueBias]),
    output,
    outputBias,
  };
}

/** How a layer attends. */
export interface AttentionOptions extends Heads {
  /** Undefined: without positions. */
  readonly rotary: RotaryTables | undefined;
  /** Positions that one sees, itself included (Longformer, Beltagy et al. 2020); undefined: all. */
  readonly window?: number | undefined;
  /** Factor of scores; default `1 / sqrt(headSize)`. */
  readonly scale?: number | undefined;
  /** `c` of `c · tanh(score / c)` (Gemma 2); undefined: scores are not capped. */
  readonly softCap?: number | undefined;
  readonly norms?: HeadNorms | undefined;
}

/**
 * Causal grouped-query attention (Ainslie et al. 2023) with a KV cache and rotary positions. Declares the cache as inputs `past.N.key`,
 * `past.N.value` and outputs `present.N.key`, `present.N.value`, all `[batch, kvHeads, cache, head]`; past and present are meant to be the
 * same memory, which the operator then fills in place.
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
  weights: PackedAttentionWeights,
  options: AttentionOptions,
  { lastPositions, longest }: CacheLengths,
): Value {
  const { heads, kvHeads, headSize, rotary, window, softCap, scale = 1 / Math.sqrt(headSize) } = options;
  const padding = headPadding(headSize, rotary);
  const product = layerLinear(
    graph,
    `${name}.qkv`,
    x,
    padRows(weights.packed, ...padding),
    padBias(weights.packedBias, padding),
  );
  const padded = paddedHeadSize(headSize);
  const cacheShape = ['batch', kvHeads, 'cache', padded];
  const past = ['key', 'value'].map(side =>
    graph.input(`past.${layer}.${side}`, graph.floatType, cacheShape),
  );
  const present = ['key', 'value'].map(side => `present.${layer}.${side}`);
  const attended = graph.node({
    op: 'GroupQueryAttention',
    domain: 'com.microsoft',
    inputs: [
      ...(options.norms === undefined
        ? [product, NONE, NONE]
        : normedHeads(graph, name, product, options, options.norms, padding)),
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
      scale: float(scale),
      ...(window !== undefined && { local_window_size: int(window) }),
      ...(softCap !== undefined && { softcap: float(softCap) }),
    },
  });
  for (const value of present) graph.output(value, graph.floatType, cacheShape);
  return layerLinear(
    graph,
    `${name}.output`,
    attended,
    padColumns(weights.output, ...padding),
    weights.outputBias,
  );
}

/**
 * Features that are followed by zeros, without and with them. Where rotary positions turn one half of a head against the other, each half
 * is padded by itself; where they turn only its first features, or none, the head is padded at its end.
 */
function headPadding(headSize: number, rotary: RotaryTables | undefined): [number, number] {
  const padded = paddedHeadSize(headSize);
  const turnsAll = rotary !== undefined && rotary.features === padded;
  return turnsAll ? [headSize / 2, padded / 2] : [headSize, padded];
}

/** Queries and keys with their norms, and values. */
function normedHeads(
  graph: ModelGraph,
  name: string,
  packed: Value,
  { heads, kvHeads, headSize }: Heads,
  { query, key, epsilon }: HeadNorms,
  padding: readonly [number, number],
): [Value, Value, Value] {
  const padded = paddedHeadSize(headSize);
  const sizes = [heads, kvHeads, kvHeads].map(count => count * padded);
  const outputs = ['query', 'key', 'value'].map(side => `${name}.${side}`) as [Value, Value, Value];
  graph.node({
    op: 'Split',
    inputs: [packed, graph.constant(`${name}.qkv_sizes`, [3], sizes)],
    name: `${name}.split`,
    outputs,
    attributes: { axis: int(-1) },
  });
  const [q, k, v] = outputs;
  return [
    headNorm(graph, `${name}.query_norm`, q, query, epsilon, heads, padding),
    headNorm(graph, `${name}.key_norm`, k, key, epsilon, kvHeads, padding),
    v,
  ];
}

function padBias(bias: Bias | undefined, [group, padded]: readonly [number, number]): Bias | undefined {
  return (
    bias && {
      size: (bias.size / group) * padded,
      load: async () => padGroups(await bias.load(), group, padded),
    }
  );
}

/** Undefined unless all are there. */
function stackBiases(biases: readonly (Bias | undefined)[]): Bias | undefined {
  const present = biases.filter(bias => bias !== undefined);
  if (present.length !== biases.length) return undefined;
  return {
    size: present.reduce((sum, { size }) => sum + size, 0),
    load: async () => {
      const loaded: Float32Array[] = [];
      for (const bias of present) loaded.push(await bias.load());
      return concat(loaded);
    },
  };
}
