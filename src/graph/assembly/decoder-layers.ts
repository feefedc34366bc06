import type { Activation } from '../blocks/activation.js';
import { feedForward, gatedFeedForward, type TrainedActivation } from '../blocks/feed-forward.js';
import { groupedQueryAttention } from '../blocks/grouped-query-attention.js';
import {
  packAttention,
  projectHeads,
  type AttentionOptions,
  type AttentionWeights,
  type PackedAttentionWeights,
  type ProjectedAttention,
  type ProjectedHeads,
} from '../blocks/attention-projections.js';
import { bidirectionalAttention } from '../blocks/bidirectional-attention.js';
import type { HeadNorms } from '../blocks/head-norm.js';
import { sumOf, type Residual } from '../blocks/normalization.js';
import { mixedAttention } from '../blocks/mixed-attention.js';
import { packedAttention } from '../blocks/packed-attention.js';
import { pagedAttention } from '../blocks/paged-attention.js';
import { preNormBlock, type Normalize, type Sublayers } from '../blocks/transformer-block.js';
import type { ModelConfig } from '../config.js';
import type { Value } from '../onnx/graph-builder.js';
import type { ModelWeights } from '../weights/model-weights.js';
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
  const { graph } = layer.source;
  const before = sumOf(graph, `${layer.name}.attention_input`, residual);
  const attended = { stream: layer.narrow(before), update: normed.attention(before) };
  const between = sumOf(graph, `${layer.name}.feed_forward_input`, attended);
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
  [first, second]: readonly [both: string, feedForward?: string] = ['input_layernorm'],
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

/** An attention layer beside its sizes and its window. */
export interface AttentionDesign extends Omit<
  AttentionOptions,
  'heads' | 'kvHeads' | 'headSize' | 'window' | 'turn'
> {
  /** True if rotary positions stand before the norms of queries and keys; default: behind them. */
  readonly turnsFirst?: boolean;
}

/** Those of an attention layer's four projections that have a bias. */
export type Biases = 'none' | 'inputs' | 'output' | 'all';

/** Names of an attention layer's projections, and of what they are in. */
export interface AttentionNames {
  readonly within: string;
  readonly query: string;
  readonly key: string;
  readonly value: string;
  readonly output: string;
}

/** Those of Hugging Face's Llama. */
export const LLAMA_ATTENTION: AttentionNames = {
  within: 'self_attn',
  query: 'q_proj',
  key: 'k_proj',
  value: 'v_proj',
  output: 'o_proj',
};

/** Attention with four projections, by default those that Hugging Face's Llama has. */
export function selfAttention(
  layer: DecoderLayer,
  x: Value,
  design: AttentionDesign,
  biases: Biases = 'none',
  names = LLAMA_ATTENTION,
): Value {
  return attend(layer, x, packAttention(attentionWeights(layer, biases, names)), design);
}

/**
 * Attention with any weights, or with heads that {@link projectedHeads} has given: causal, but for texts that come whole
 * and are seen both ways.
 */
export function attend(
  layer: DecoderLayer,
  x: Value,
  weights: PackedAttentionWeights | ProjectedAttention,
  design: AttentionDesign,
): Value {
  const { source, name, index, cache, isNarrowed } = layer;
  const { graph } = source;
  const options = attentionOptions(layer, design);
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

/**
 * Queries, keys and values of a layer, where other layers read them, too.
 *
 * @param weights queries alone where `kvHeads` is 0.
 * @param kvHeads heads of keys; default: the layer's.
 */
export function projectedHeads(
  layer: DecoderLayer,
  x: Value,
  weights: Pick<PackedAttentionWeights, 'packed' | 'packedBias'>,
  design: AttentionDesign,
  kvHeads = layer.heads.kvHeads,
): ProjectedHeads {
  const options = { ...attentionOptions(layer, design), kvHeads };
  return projectHeads(layer.source.graph, layer.name, x, weights, options, layer.tokens);
}

function attentionOptions(
  layer: DecoderLayer,
  { turnsFirst = false, ...design }: AttentionDesign,
): AttentionOptions {
  const { rotary } = design;
  const turn = (part: string, value: Value, count: number): Value =>
    turnHeads(layer, part, value, count, rotary!);
  const isTurned = turnsFirst && rotary !== undefined;
  return { ...layer.heads, window: layer.window, ...design, turn: isTurned ? turn : undefined };
}

/** The four projections of an attention layer, as {@link selfAttention} has them. */
export function attentionWeights(
  layer: DecoderLayer,
  biases: Biases,
  names: AttentionNames,
): AttentionWeights {
  const { kvHeads, headSize } = layer.heads;
  const { hiddenSize } = layer.source.sizes;
  const keys = kvHeads * headSize;
  const own = layer.weights.within(names.within);
  const onInputs = ['inputs', 'all'].includes(biases);
  return {
    ...queryWeights(layer, biases, names),
    key: own.matrix(names.key, keys, hiddenSize),
    keyBias: onInputs ? own.bias(names.key, keys) : undefined,
    value: own.matrix(names.value, keys, hiddenSize),
    valueBias: onInputs ? own.bias(names.value, keys) : undefined,
  };
}

/** Those of {@link attentionWeights} that a layer has which reads another one's keys and values. */
export function queryWeights(
  layer: DecoderLayer,
  biases: Biases,
  names: AttentionNames,
): Omit<AttentionWeights, 'key' | 'value' | 'keyBias' | 'valueBias'> {
  const { heads, headSize } = layer.heads;
  const { hiddenSize } = layer.source.sizes;
  const queries = heads * headSize;
  const own = layer.weights.within(names.within);
  const [onInputs, onOutput] = [['inputs', 'all'].includes(biases), ['output', 'all'].includes(biases)];
  return {
    query: own.matrix(names.query, queries, hiddenSize),
    queryBias: onInputs ? own.bias(names.query, queries) : undefined,
    output: own.matrix(names.output, hiddenSize, queries),
    outputBias: onOutput ? own.bias(names.output, hiddenSize) : undefined,
  };
}

/** The biases that `attention_bias` of config.json asks for. */
export function biasesOf(config: ModelConfig): Biases {
  return config.flag('attention_bias', false) ? 'all' : 'none';
}

/** Norms of each head of queries and keys, by default by the names that Qwen3 and Gemma 3 give them. */
export function headNorms(
  { source, weights, heads }: DecoderLayer,
  storage: NormStorage = 'plain',
  [query, key]: readonly [string, string] = ['q_norm', 'k_norm'],
): HeadNorms {
  const scale = (name: string) => normScale(weights.scale(`self_attn.${name}`, heads.headSize), storage);
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

/** A feed-forward layer of two matrices. */
export interface PlainMlp {
  /** What both are in; undefined: the layer itself. */
  readonly within?: string;
  readonly up: string;
  readonly down: string;
  /** Features between them. */
  readonly inner: number;
  readonly hasBiases: boolean;
  readonly activation: Activation | TrainedActivation;
}

/** A feed-forward layer without a gate, by the names of its matrices. */
export function plainMlp(layer: DecoderLayer, x: Value, mlp: PlainMlp): Value {
  const { graph, sizes } = layer.source;
  const { up, down, inner, hasBiases } = mlp;
  const own = mlp.within === undefined ? layer.weights : layer.weights.within(mlp.within);
  const weights = {
    up: own.matrix(up, inner, sizes.hiddenSize),
    upBias: hasBiases ? own.bias(up, inner) : undefined,
    down: own.matrix(down, sizes.hiddenSize, inner),
    downBias: hasBiases ? own.bias(down, sizes.hiddenSize) : undefined,
  };
  return feedForward(graph, `${layer.name}.feed_forward`, x, weights, mlp.activation);
}
