import { float, int, type Attribute } from '../onnx/attributes.js';
import type { ModelGraph } from '../model-graph.js';
import { NONE, type Value } from '../onnx/graph-builder.js';
import { concat } from '../weights/concat.js';
import {
  padGroups,
  padColumns,
  padRows,
  reorderGroups,
  reorderRows,
  stackRows,
  type Matrix,
} from '../weights/matrix.js';
import { headNorm, type HeadNorms } from './head-norm.js';
import { layerLinear } from './layer-linear.js';
import type { Bias } from './linear.js';
import type { Weight } from '../weights/checkpoint.js';
import type { RotaryTables } from './rotary.js';

/** Heads of an attention layer. */
export interface Heads {
  readonly heads: number;
  /**
   * Key and value heads, each shared by `heads / kvHeads` query heads: 1 is multi-query, `heads` is
   * multi-head attention.
   */
  readonly kvHeads: number;
  /** Features of a head, in the model. */
  readonly headSize: number;
}

/**
 * Features of a head in the graph: GroupQueryAttention takes multiples of 16, so other heads are padded by
 * zeros.
 */
export function paddedHeadSize(headSize: number): number {
  return Math.ceil(headSize / 16) * 16;
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

/** Heads that are projected already, and the way back. */
export interface ProjectedAttention {
  readonly projected: ProjectedHeads;
  /** Its matrix, or what writes it, given what all heads gave, padded as they are. */
  readonly output: Matrix | ((attended: Value) => Value);
  readonly outputBias?: Bias | undefined;
}

/** One matrix product gives queries, keys and values. */
export function packAttention(weights: AttentionWeights): PackedAttentionWeights {
  const { query, key, value, output, outputBias } = weights;
  const { queryBias, keyBias, valueBias } = weights;
  return {
    packed: stackRows([query, key, value]),
    packedBias: stackBiases([query, key, value], [queryBias, keyBias, valueBias]),
    output,
    outputBias,
  };
}

/** Keys and values alone, of tokens that attend to nothing themselves. */
export function packKeysAndValues(
  weights: AttentionWeights,
): Pick<PackedAttentionWeights, 'packed' | 'packedBias'> {
  const sides = [weights.key, weights.value];
  return {
    packed: stackRows(sides),
    packedBias: stackBiases(sides, [weights.keyBias, weights.valueBias]),
  };
}

/** The attention of a layer. */
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
  /**
   * Turns heads by their rotary positions before the norms, where they stand in this order; the operator then
   * turns none.
   */
  readonly turn?: ((name: string, x: Value, heads: number) => Value) | undefined;
  /** Factor of queries, `[...tokens, 1]`. */
  readonly queryFactor?: Value | undefined;
  /** Queries, keys and values, behind their norms, are kept within `[-clip, clip]`; undefined: as they are. */
  readonly clip?: number | undefined;
  /** A score of each head beside those of its keys, with no value (attention sinks, OpenAI 2025), `[heads]`. */
  readonly sinks?: Bias | undefined;
  /** Added to the scores by head and position of the key, `[heads, context]`; undefined: nothing is. */
  readonly keyBias?: Value | undefined;
}

/** Rotary positions that are left to the operator; undefined: none. */
export function operatorRotary({ rotary, turn }: AttentionOptions): RotaryTables | undefined {
  return turn === undefined ? rotary : undefined;
}

/** Queries, keys and values of all heads, each head padded: apart, or all three in the first one. */
export type ProjectedHeads = readonly [query: Value, key: Value, value: Value];

/**
 * Projects onto queries, keys and values, or some of them: without norms those that the matrix has, with norms all
 * three, or queries alone where there are no heads of keys.
 *
 * @param x `[...tokens, hidden]`
 * @param tokens the leading dimensions of `x`, as Reshape takes them.
 */
export function projectHeads(
  graph: ModelGraph,
  name: string,
  x: Value,
  weights: Pick<PackedAttentionWeights, 'packed' | 'packedBias'> | ProjectedAttention,
  options: AttentionOptions,
  tokens: readonly number[],
): ProjectedHeads {
  if ('projected' in weights) return weights.projected;
  const { packed, packedBias } = weights;
  const padding = headPadding(options);
  const { heads, kvHeads, norms, rotary, queryFactor, clip } = options;
  const order = rotary?.order;
  const turning = heads + kvHeads;
  const product = layerLinear(
    graph,
    `${name}.qkv`,
    x,
    padRows(order === undefined ? packed : reorderRows(packed, order, turning), ...padding),
    padBias(order === undefined ? packedBias : reorderBias(packedBias, order, turning), padding),
  );
  if (norms === undefined && queryFactor === undefined && clip === undefined) return [product, NONE, NONE];
  if (norms === undefined && queryFactor === undefined)
    return [clipped(graph, `${name}.qkv.clipped`, product, clip!), NONE, NONE];
  const [query, key, value] = normedHeads(graph, name, product, options, padding, tokens).map((x, i) =>
    clip === undefined ? x : clipped(graph, `${name}.clipped.${i}`, x, clip),
  ) as [Value, Value, Value];
  if (queryFactor === undefined) return [query, key, value];
  return [graph.node({ op: 'Mul', inputs: [query, queryFactor], name: `${name}.query.scaled` }), key, value];
}

function clipped(graph: ModelGraph, name: string, x: Value, most: number): Value {
  const bounds = [-most, most].map(bound =>
    graph.shared(`clip.${bound}`, () => graph.floats(`clip.${bound}`, [], () => Float32Array.of(bound))),
  );
  return graph.node({ op: 'Clip', inputs: [x, ...bounds], name });
}

/** Projects what the heads gave, padded as they are, back. */
export function projectOutput(
  graph: ModelGraph,
  name: string,
  attended: Value,
  { output, outputBias }: Pick<ProjectedAttention, 'output' | 'outputBias'>,
  options: AttentionOptions,
): Value {
  if (typeof output === 'function') return output(attended);
  return layerLinear(
    graph,
    `${name}.output`,
    attended,
    padColumns(output, ...headPadding(options)),
    outputBias,
  );
}

/** An operator's attention over the cache of a layer. */
export interface CachedAttention {
  readonly op: 'GroupQueryAttention' | 'PagedAttention';
  /** Stands before the names of node and cache where a layer has several; default: nothing. */
  readonly part?: string;
  /** How the cache's inputs and outputs begin; default `past` and `present`. */
  readonly cacheNames?: readonly [input: string, output: string];
  /** Shape of the keys, and of the values. */
  readonly cacheShape: readonly (string | number)[];
  /** The result of {@link projectHeads}. */
  readonly projected: readonly Value[];
  /** The operator's inputs behind the cache. */
  readonly others: readonly Value[];
  readonly options: AttentionOptions;
}

/** Declares a layer's cache as inputs and outputs of the graph, and attends over it. */
export function attendOverCache(
  graph: ModelGraph,
  name: string,
  layer: number,
  {
    op,
    part = '',
    cacheNames: [input, output] = ['past', 'present'],
    cacheShape,
    projected,
    others,
    options,
  }: CachedAttention,
): Value {
  const sides = ['key', 'value'];
  const past = sides.map(side =>
    graph.input(`${part}${input}.${layer}.${side}`, graph.floatType, cacheShape),
  );
  const present = sides.map(side => `${part}${output}.${layer}.${side}`);
  const attended = graph.node({
    op,
    domain: 'com.microsoft',
    inputs: [...projected, ...past, ...others],
    name: `${name}.${part}attention`,
    outputs: [`${name}.${part}attention`, ...present],
    attributes: attentionAttributes(options),
  });
  for (const value of present) graph.output(value, graph.floatType, cacheShape);
  return attended;
}

/** Attributes of GroupQueryAttention and PagedAttention, which name them alike. */
export function attentionAttributes(options: AttentionOptions): Readonly<Record<string, Attribute>> {
  const { heads, kvHeads, headSize, window, softCap, scale = 1 / Math.sqrt(headSize) } = options;
  return {
    num_heads: int(heads),
    kv_num_heads: int(kvHeads),
    do_rotary: int(operatorRotary(options) === undefined ? 0 : 1),
    scale: float(scale),
    ...(window !== undefined && { local_window_size: int(window) }),
    ...(softCap !== undefined && { softcap: float(softCap) }),
  };
}

/**
 * Features that are followed by zeros, without and with them. Where rotary positions turn one half of a head
 * against the other, each half is padded by itself; where they turn only its first features, or none, the
 * head is padded at its end.
 */
function headPadding({ headSize, rotary }: AttentionOptions): [number, number] {
  const padded = paddedHeadSize(headSize);
  const turnsAll = rotary !== undefined && rotary.features === padded;
  return turnsAll ? [headSize / 2, padded / 2] : [headSize, padded];
}

/** Queries, keys and values apart, of heads that stand one after the other, each padded. */
export function splitHeads(
  graph: ModelGraph,
  name: string,
  packed: Value,
  { heads, kvHeads, headSize }: Heads,
): [query: Value, key: Value, value: Value] {
  const sizes = [heads, kvHeads, kvHeads].map(count => count * paddedHeadSize(headSize));
  const outputs = ['query', 'key', 'value'].map(side => `${name}.${side}`) as [Value, Value, Value];
  graph.node({
    op: 'Split',
    inputs: [packed, graph.constant(`${name}.qkv_sizes`, [3], sizes)],
    name: `${name}.split`,
    outputs,
    attributes: { axis: int(-1) },
  });
  return outputs;
}

/** Queries, keys and values apart, the first two with their norms. */
function normedHeads(
  graph: ModelGraph,
  name: string,
  packed: Value,
  { heads, kvHeads, headSize, rotary, norms, turn }: AttentionOptions,
  padding: readonly [number, number],
  tokens: readonly number[],
): [Value, Value, Value] {
  const [q, k, v] =
    kvHeads === 0 ? [packed, NONE, NONE] : splitHeads(graph, name, packed, { heads, kvHeads, headSize });
  if (norms === undefined) return [q, k, v];
  const normed = (side: string, x: Value, weight: Weight, count: number): Value => {
    const parts = (count * headSize) / weight.shape[0]!;
    return headNorm(graph, `${name}.${side}_norm`, x, weight, norms.epsilon, parts, padding, tokens);
  };
  const norm = (side: 'query' | 'key', x: Value, count: number): Value => {
    const turned = turn?.(`${name}.${side}.turned`, x, count) ?? x;
    return normed(side, turned, inOrder(norms[side], rotary), count);
  };
  if (kvHeads === 0) return [norm('query', q, heads), k, v];
  const value = norms.value === undefined ? v : normed('value', v, norms.value, kvHeads);
  return [norm('query', q, heads), norm('key', k, kvHeads), value];
}

/** A norm's weight in the order of a head's features. */
function inOrder(weight: Weight, rotary: RotaryTables | undefined): Weight {
  const order = rotary?.order;
  if (order === undefined) return weight;
  return { ...weight, load: async () => reorderGroups(await weight.load(), order, 1) };
}

/** The bias of a matrix whose rows {@link reorderRows} has put in another order. */
function reorderBias(bias: Bias | undefined, order: readonly number[], groups: number): Bias | undefined {
  return (
    bias && {
      size: bias.size,
      load: async () => {
        const values = await bias.load();
        const changed = groups * order.length;
        return concat([reorderGroups(values.subarray(0, changed), order, 1), values.subarray(changed)]);
      },
    }
  );
}

function padBias(bias: Bias | undefined, [group, padded]: readonly [number, number]): Bias | undefined {
  return (
    bias && {
      size: (bias.size / group) * padded,
      load: async () => padGroups(await bias.load(), group, padded),
    }
  );
}

/** The biases of matrices one under the other, zeros where one has none; undefined where none has. */
export function stackBiases(
  matrices: readonly Matrix[],
  biases: readonly (Bias | undefined)[],
): Bias | undefined {
  if (biases.every(bias => bias === undefined)) return undefined;
  return {
    size: matrices.reduce((sum, { rows }) => sum + rows, 0),
    load: async () => {
      const loaded: Float32Array[] = [];
      for (const [index, bias] of biases.entries())
        loaded.push((await bias?.load()) ?? new Float32Array(matrices[index]!.rows));
      return concat(loaded);
    },
  };
}
