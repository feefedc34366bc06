import { ACTIVATIONS, type Activation } from '../blocks/activation.js';
import { gatedFeedForward } from '../blocks/feed-forward.js';
import { groupedQueryAttention } from '../blocks/grouped-query-attention.js';
import {
  packAttention,
  type AttentionOptions,
  type PackedAttentionWeights,
} from '../blocks/attention-projections.js';
import type { HeadNorms } from '../blocks/head-norm.js';
import type { Residual } from '../blocks/normalization.js';
import { pagedAttention } from '../blocks/paged-attention.js';
import type { ModelConfig } from '../config.js';
import type { Value } from '../onnx/graph-builder.js';
import type { ModelWeights } from '../weights/model-weights.js';
import { plusOne, type DecoderLayer } from './decoder-body.js';

/** The two halves of a layer; both return what is added to the residual stream. */
export interface Sublayers {
  attention(x: Value): Value;
  feedForward(x: Value): Value;
}

/** Names of a layer's norms, in the order of their use. */
type PreNorms = readonly [attention: string, feedForward: string];

/** A layer that normalises what each half reads (Xiong et al. 2020). */
export function preNormLayer(
  layer: DecoderLayer,
  residual: Residual,
  sublayers: Sublayers,
  [attention, feedForward]: PreNorms = ['input_layernorm', 'post_attention_layernorm'],
): Residual {
  const before = layer.norm('attention_norm', attention, residual);
  const attended = { stream: before.stream, update: sublayers.attention(before.normalized) };
  const between = layer.norm('feed_forward_norm', feedForward, attended);
  return { stream: between.stream, update: sublayers.feedForward(between.normalized) };
}

/** A layer that normalises what each half reads and what it gives (Gemma 2, Gemma Team 2024). */
export function sandwichNormLayer(layer: DecoderLayer, residual: Residual, sublayers: Sublayers): Residual {
  const after = (name: string, weightName: string, value: Value): Value =>
    layer.norm(name, weightName, { stream: value, update: undefined }).normalized;
  return preNormLayer(
    layer,
    residual,
    {
      attention: x => after('attention_output_norm', 'post_attention_layernorm', sublayers.attention(x)),
      feedForward: x =>
        after('feed_forward_output_norm', 'post_feedforward_layernorm', sublayers.feedForward(x)),
    },
    ['input_layernorm', 'pre_feedforward_layernorm'],
  );
}

/** What an attention layer has beside its sizes and its window. */
export type AttentionDesign = Omit<AttentionOptions, 'heads' | 'kvHeads' | 'headSize' | 'window'>;

/** Which of Llama's four projections have a bias. */
export type Biases = 'none' | 'inputs' | 'all';

/** Attention with the weights that Hugging Face's Llama has in `self_attn`. */
export function selfAttention(
  layer: DecoderLayer,
  x: Value,
  design: AttentionDesign,
  biases: Biases = 'none',
): Value {
  return attend(layer, x, packAttention(attentionWeights(layer, biases)), design);
}

/** Attention with any weights. */
export function attend(
  { source, name, index, cache, window }: DecoderLayer,
  x: Value,
  weights: PackedAttentionWeights,
  design: AttentionDesign,
): Value {
  const { heads, kvHeads, headSize } = source.sizes;
  const options = { heads, kvHeads, headSize, window, ...design };
  return cache.kind === 'paged'
    ? pagedAttention(source.graph, name, index, x, weights, options, cache.batch)
    : groupedQueryAttention(source.graph, name, index, x, weights, options, cache.lengths);
}

function attentionWeights({ source, weights }: DecoderLayer, biases: Biases) {
  const { heads, kvHeads, headSize, hiddenSize } = source.sizes;
  const [queries, keys] = [heads * headSize, kvHeads * headSize];
  const own = weights.within('self_attn');
  const [onInputs, onOutput] = [biases !== 'none', biases === 'all'];
  return {
    query: own.matrix('q_proj', queries, hiddenSize),
    queryBias: onInputs ? own.bias('q_proj', queries) : undefined,
    key: own.matrix('k_proj', keys, hiddenSize),
    keyBias: onInputs ? own.bias('k_proj', keys) : undefined,
    value: own.matrix('v_proj', keys, hiddenSize),
    valueBias: onInputs ? own.bias('v_proj', keys) : undefined,
    output: own.matrix('o_proj', hiddenSize, queries),
    outputBias: onOutput ? own.bias('o_proj', hiddenSize) : undefined,
  };
}

/** Norms of each head of queries and keys, by the names that Qwen3 and Gemma 3 give them. */
export function headNorms({ source, weights }: DecoderLayer, storedLessOne = false): HeadNorms {
  const scale = (name: string) => {
    const weight = weights.scale(`self_attn.${name}`, source.sizes.headSize);
    return storedLessOne ? plusOne(weight) : weight;
  };
  return {
    query: scale('q_norm'),
    key: scale('k_norm'),
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

/** An activation that config.json names. */
export function activationOf(config: ModelConfig, field = 'hidden_act', fallback?: Activation): Activation {
  return config.choice(field, ACTIVATIONS, fallback);
}
