import type { Activation } from '../blocks/activation.js';
import { gatedFeedForward } from '../blocks/feed-forward.js';
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
import { preNormBlock, type Normalize, type Sublayers } from '../blocks/transformer-block.js';
import type { ModelConfig } from '../config.js';
import type { Value } from '../onnx/graph-builder.js';
import type { ModelWeights } from '../weights/model-weights.js';
import type { DecoderLayer } from './decoder-design.js';
import { normScale, type NormStorage } from './decoder-norms.js';

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

/** A layer that normalises what each half reads and what it gives (Gemma 2, Gemma Team 2024). */
export function sandwichNormLayer(layer: DecoderLayer, residual: Residual, sublayers: Sublayers): Residual {
  const after = (name: string, weightName: string, value: Value): Value =>
    layer.norm(`${layer.name}.${name}`, weightName, { stream: value, update: undefined }).normalized;
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

/** An attention layer beside its sizes and its window. */
export type AttentionDesign = Omit<AttentionOptions, 'heads' | 'kvHeads' | 'headSize' | 'window'>;

/** Those of Llama's four projections that have a bias. */
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

/** Attention with any weights: causal, but for texts that come whole and are seen both ways. */
export function attend(
  { source, name, index, cache, window, isNarrowed }: DecoderLayer,
  x: Value,
  weights: PackedAttentionWeights,
  design: AttentionDesign,
): Value {
  const { graph } = source;
  const { heads, kvHeads, headSize } = source.sizes;
  const options = { heads, kvHeads, headSize, window, ...design };
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

/** The biases that `attention_bias` of config.json asks for. */
export function biasesOf(config: ModelConfig): Biases {
  return config.flag('attention_bias', false) ? 'all' : 'none';
}

/** Norms of each head of queries and keys, by the names that Qwen3 and Gemma 3 give them. */
export function headNorms({ source, weights }: DecoderLayer, storage: NormStorage = 'plain'): HeadNorms {
  const scale = (name: string) =>
    normScale(weights.scale(`self_attn.${name}`, source.sizes.headSize), storage);
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
