import type { Activation } from '../blocks/activation.js';
import { feedForward, gatedFeedForward, type TrainedActivation } from '../blocks/feed-forward.js';
import { groupedQueryAttention } from '../blocks/grouped-query-attention.js';
import {
  packAttention,
  type AttentionOptions,
  type PackedAttentionWeights,
} from '../blocks/attention-projections.js';
import { bidirectionalAttention } from '../blocks/bidirectional-attention.js';
import type { HeadNorms } from '../blocks/head-norm.js';
import type { Residual } from '../blocks/normalization.js';
import { mixedAttention } from '../blocks/mixed-attention.js';
import { packedAttention } from '../blocks/packed-attention.js';
import { pagedAttention } from '../blocks/paged-attention.js';
import type { RotaryTables } from '../blocks/rotary.js';
import { preNormBlock, type Normalize, type Sublayers } from '../blocks/transformer-block.js';
import type { ModelConfig } from '../config.js';
import type { Value } from '../onnx/graph-builder.js';
import { reorderGroups, reorderRows, type Matrix } from '../weights/matrix.js';
import type { ModelWeights, Vector } from '../weights/model-weights.js';
import type { DecoderLayer } from './decoder-design.js';
import { normScale, type NormStorage } from './decoder-norms.js';
import { turnHeads } from './token-positions.js';

/** Names of a layer's norms, in the order of their use. */
type PreNorms = readonly [attention: string, feedForward: string];

/** A layer that normalises what each half reads (Xiong et al. 2020). */
export function preNormLayer(
  layer: DecoderLayer,
  residual: Residual,
  sublayers: Sublayers,
  [attention, feedForward]: PreNorms = ['input_layernorm', 'post_attention_layernorm'],
): Residual {
  const norm =
    (weightName: string): Normalize =>
    (name, value) =>
      layer.norm(name, weightName, value);
  const norms = { attention: norm(attention), feedForward: norm(feedForward) };
  return preNormBlock(layer.name, residual, sublayers, norms, stream => layer.narrow(stream));
}

/** Names of norms of what the halves of a layer give. */
type OutputNorms = readonly [attention: string, feedForward: string];

const GEMMA_OUTPUTS: OutputNorms = ['post_attention_layernorm', 'post_feedforward_layernorm'];

/** A layer that normalises what each half reads and what it gives (Gemma 2, Gemma Team 2024). */
export function sandwichNormLayer(
  layer: DecoderLayer,
  residual: Residual,
  sublayers: Sublayers,
  inputs: PreNorms = ['input_layernorm', 'pre_feedforward_layernorm'],
  outputs: OutputNorms = GEMMA_OUTPUTS,
): Residual {
  return preNormLayer(layer, residual, withOutputNorms(layer, sublayers, outputs), inputs);
}

/** A layer that normalises only what each half gives (OLMo 2, OLMo et al. 2024). */
export function outputNormLayer(layer: DecoderLayer, residual: Residual, sublayers: Sublayers): Residual {
  const normed = withOutputNorms(layer, sublayers, GEMMA_OUTPUTS);
  const before = sumOf(layer, 'attention_input', residual);
  const attended = { stream: layer.narrow(before), update: normed.attention(before) };
  const between = sumOf(layer, 'feed_forward_input', attended);
  return { stream: between, update: normed.feedForward(between) };
}

/**
 * A layer whose halves both read the stream as it comes in (GPT-J, Wang and Komatsuzaki 2021).
 *
 * @param names of the norm that both read it behind, or of one for each.
 */
export function parallelLayer(
  layer: DecoderLayer,
  residual: Residual,
  sublayers: Sublayers,
  [first, second]: readonly [both: string] | PreNorms = ['input_layernorm'],
): Residual {
  const { normalized, stream } = layer.norm(`${layer.name}.attention_norm`, first, residual);
  const kept = layer.narrow(stream);
  const read =
    second === undefined
      ? layer.narrow(normalized, 'normalized')
      : layer.norm(`${layer.name}.feed_forward_norm`, second, { stream: kept, update: undefined }).normalized;
  const halves = [sublayers.attention(normalized), sublayers.feedForward(read)];
  const update = layer.source.graph.node({ op: 'Add', inputs: halves, name: `${layer.name}.halves` });
  return { stream: kept, update };
}

function withOutputNorms(layer: DecoderLayer, sublayers: Sublayers, names: OutputNorms): Sublayers {
  const norm = (name: string, weightName: string, value: Value): Value =>
    layer.norm(`${layer.name}.${name}`, weightName, { stream: value, update: undefined }).normalized;
  return {
    attention: x => norm('attention_output_norm', names[0], sublayers.attention(x)),
    feedForward: x => norm('feed_forward_output_norm', names[1], sublayers.feedForward(x)),
  };
}

/** The stream with its update added. */
function sumOf({ source, name }: DecoderLayer, what: string, { stream, update }: Residual): Value {
  if (update === undefined) return stream;
  return source.graph.node({ op: 'Add', inputs: [stream, update], name: `${name}.${what}` });
}

/** An attention layer beside its sizes and its window. */
export interface AttentionDesign extends Omit<
  AttentionOptions,
  'heads' | 'kvHeads' | 'headSize' | 'window' | 'turn'
> {
  /** True if rotary positions stand before the norms of queries and keys; default: behind them. */
  readonly turnsFirst?: boolean;
}

/** Those of Llama's four projections that have a bias. */
export type Biases = 'none' | 'inputs' | 'all';

/**
 * Which features of a head rotary positions turn against each other: one of its first half and one of its second, as in
 * Hugging Face's Llama, or neighbours, as in the first description (Su et al. 2021).
 */
export type RotaryPairs = 'halves' | 'neighbours';

/** Attention with the weights that Hugging Face's Llama has in `self_attn`. */
export function selfAttention(
  layer: DecoderLayer,
  x: Value,
  design: AttentionDesign,
  biases: Biases = 'none',
  pairs: RotaryPairs = 'halves',
): Value {
  const order =
    pairs === 'halves' || design.rotary === undefined
      ? undefined
      : neighboursAsHalves(layer.source.sizes.headSize, design.rotary);
  return attend(layer, x, packAttention(attentionWeights(layer, biases, order)), design);
}

/**
 * The order of a head's features in which neighbours that turn together stand in its two halves, as graphs turn
 * them. A score is the same in any order that queries and keys share.
 */
export function neighboursAsHalves(headSize: number, { features }: RotaryTables): readonly number[] {
  // Tables of whole heads count padding, too.
  const turned = Math.min(features, headSize);
  return Array.from({ length: headSize }, (_, i) => {
    if (i >= turned) return i;
    const half = turned / 2;
    return i < half ? 2 * i : 2 * (i - half) + 1;
  });
}

/** Attention with any weights: causal, but for texts that come whole and are seen both ways. */
export function attend(
  layer: DecoderLayer,
  x: Value,
  weights: PackedAttentionWeights,
  { turnsFirst = false, ...design }: AttentionDesign,
): Value {
  const { source, name, index, cache, window, isNarrowed } = layer;
  const { graph } = source;
  const { heads, kvHeads, headSize } = source.sizes;
  const { rotary } = design;
  const turn = (part: string, value: Value, count: number): Value =>
    turnHeads(layer, part, value, count, rotary!);
  const isTurned = turnsFirst && rotary !== undefined;
  const options = { heads, kvHeads, headSize, window, ...design, turn: isTurned ? turn : undefined };
  switch (cache.kind) {
    case 'slots':
      return groupedQueryAttention(graph, name, index, x, weights, options, cache.lengths);
    case 'mixed':
      return mixedAttention(graph, name, index, x, weights, options, cache.batch);
    case 'paged':
      return pagedAttention(graph, name, index, x, weights, options, cache.batch);
    case 'packed': {
      const attention = cache.seesBothWays ? bidirectionalAttention : packedAttention;
      return attention(graph, name, x, weights, options, cache.batch, isNarrowed);
    }
  }
}

function attentionWeights(
  { source, weights }: DecoderLayer,
  biases: Biases,
  order: readonly number[] | undefined,
) {
  const { heads, kvHeads, headSize, hiddenSize } = source.sizes;
  const [queries, keys] = [heads * headSize, kvHeads * headSize];
  const own = weights.within('self_attn');
  const [onInputs, onOutput] = [biases !== 'none', biases === 'all'];
  const turned = (name: string, rows: number): Matrix => {
    const stored = own.matrix(name, rows, hiddenSize);
    return order === undefined ? stored : reorderRows(stored, order);
  };
  const turnedBias = (name: string, size: number): Vector => {
    const stored = own.bias(name, size);
    return order === undefined
      ? stored
      : { size, load: async () => reorderGroups(await stored.load(), order) };
  };
  return {
    query: turned('q_proj', queries),
    queryBias: onInputs ? turnedBias('q_proj', queries) : undefined,
    key: turned('k_proj', keys),
    keyBias: onInputs ? turnedBias('k_proj', keys) : undefined,
    value: own.matrix('v_proj', keys, hiddenSize),
    valueBias: onInputs ? own.bias('v_proj', keys) : undefined,
    output: own.matrix('o_proj', hiddenSize, queries),
    outputBias: onOutput ? own.bias('o_proj', hiddenSize) : undefined,
  };
}

/** The biases that `attention_bias` of config.json asks for. */
export function biasesOf(config: ModelConfig): Biases {
  return config.flag('attention_bias', false) ? 'all' : 'none';
}

/** Norms of each head of queries and keys, by default by the names that Qwen3 and Gemma 3 give them. */
export function headNorms(
  { source, weights }: DecoderLayer,
  storage: NormStorage = 'plain',
  [query, key]: readonly [string, string] = ['q_norm', 'k_norm'],
): HeadNorms {
  const scale = (name: string) =>
    normScale(weights.scale(`self_attn.${name}`, source.sizes.headSize), storage);
  return {
    query: scale(query),
    key: scale(key),
    epsilon: source.config.positive('rms_norm_eps', 1e-6),
  };
}

/** Norms of all heads of queries at once, and of all of keys (OLMo 2). */
export function wholeNorms({ source, weights }: DecoderLayer): HeadNorms {
  const { heads, kvHeads, headSize } = source.sizes;
  return {
    query: weights.scale('self_attn.q_norm', heads * headSize),
    key: weights.scale('self_attn.k_norm', kvHeads * headSize),
    epsilon: source.config.positive('rms_norm_eps', 1e-6),
  };
}

/** A feed-forward layer without a gate, by Llama's names of its two matrices. */
export function plainMlp(
  layer: DecoderLayer,
  x: Value,
  activation: Activation | TrainedActivation,
  hasBiases = false,
): Value {
  const { graph, config, sizes } = layer.source;
  const inner = config.size('intermediate_size');
  const own = layer.weights.within('mlp');
  const weights = {
    up: own.matrix('up_proj', inner, sizes.hiddenSize),
    upBias: hasBiases ? own.bias('up_proj', inner) : undefined,
    down: own.matrix('down_proj', sizes.hiddenSize, inner),
    downBias: hasBiases ? own.bias('down_proj', sizes.hiddenSize) : undefined,
  };
  return feedForward(graph, `${layer.name}.feed_forward`, x, weights, activation);
}

/** A gated feed-forward layer with the weights that Hugging Face's Llama has in `mlp`. */
export function gatedMlp(layer: DecoderLayer, x: Value, activation: Activation, hasBiases = false): Value {
  const { graph, config } = layer.source;
  const weights = gatedWeights(
    layer,
    layer.weights.within('mlp'),
    config.size('intermediate_size'),
    hasBiases,
  );
  return gatedFeedForward(graph, `${layer.name}.feed_forward`, x, weights, activation);
}

/** Weights of a gated feed-forward layer by Llama's names. */
export function gatedWeights({ source }: DecoderLayer, own: ModelWeights, inner: number, hasBiases = false) {
  const { hiddenSize } = source.sizes;
  return {
    gate: own.matrix('gate_proj', inner, hiddenSize),
    gateBias: hasBiases ? own.bias('gate_proj', inner) : undefined,
    up: own.matrix('up_proj', inner, hiddenSize),
    upBias: hasBiases ? own.bias('up_proj', inner) : undefined,
    down: own.matrix('down_proj', hiddenSize, inner),
    downBias: hasBiases ? own.bias('down_proj', hiddenSize) : undefined,
  };
}
