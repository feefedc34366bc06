import { causalAttention, type HeadNorms } from '../blocks/causal-attention.js';
import { embed, embeddingTable } from '../blocks/embedding.js';
import { gatedFeedForward, preNormLayer } from '../blocks/encoder-layer.js';
import { paddedHeadSize, type AttentionWeights } from '../blocks/attention-projections.js';
import { linear } from '../blocks/linear.js';
import { rmsNorm, type Residual } from '../blocks/normalization.js';
import type { ModelConfig } from '../config.js';
import type { Weight } from '../weights/checkpoint.js';
import type { ModelWeights } from '../weights/model-weights.js';
import { decoderSizes, type DecoderSizes } from './decoder-architecture.js';
import { readRope, ropeTables } from './rope.js';
import type { EncoderArchitecture, EncoderSource } from './encoder-architecture.js';

/**
 * Decoders whose hidden states are used, mostly those of the last token (SGPT, Muennighoff 2022; E5-Mistral, Wang et al. 2023; Qwen3
 * Embedding, Zhang et al. 2025): Llama, Mistral, Qwen2 and Qwen3, by the weight names of Hugging Face's `LlamaModel`.
 */
export const causalEncoder: EncoderArchitecture = {
  modelTypes: ['llama', 'mistral', 'qwen2', 'qwen3'],
  bodyName: 'model',
  probe: 'embed_tokens.weight',

  sizes(config) {
    const { layers, hiddenSize, heads, headSize, vocabularySize, contextLength } = sizesOf(config);
    const window = slidingWindow(config);
    return {
      layers,
      hiddenSize,
      heads,
      headSize,
      intermediateSize: config.size('intermediate_size'),
      vocabularySize,
      segments: 1,
      // Within the window, every token sees all before it.
      contextLength: Math.min(contextLength, window),
    };
  },

  hiddenStates(source) {
    const { graph, config, batch, body, sizes } = source;
    const decoder = sizesOf(config);
    const epsilon = config.positive('rms_norm_eps', 1e-6);
    const rope = readRope(config, decoder);
    const rotary = ropeTables({ graph, config, sizes: decoder }, 'rotary', rope);
    const words = body.weight('embed_tokens.weight', [sizes.vocabularySize, sizes.hiddenSize]);
    const table = embeddingTable(graph, 'words', words);
    const norm = (name: string, residual: Residual, weight: Weight) =>
      rmsNorm(graph, name, residual, weight, epsilon);

    let residual: Residual = { stream: embed(graph, 'embedded', table, batch.ids), update: undefined };
    for (let index = 0; index < sizes.layers; index++) {
      const name = `layer.${index}`;
      const layer = body.within(`layers.${index}`);
      const last = index === sizes.layers - 1 && batch.wanted === 'listed';
      const attention = attentionWeights(config, layer, decoder);
      residual = preNormLayer(
        graph,
        name,
        residual,
        {
          attention: x =>
            causalAttention(
              graph,
              name,
              x,
              attention,
              decoder,
              batch,
              last,
              rotary,
              headNorms(config, layer, decoder.headSize, epsilon),
            ),
          feedForward: x => gatedFeedForward(graph, `${name}.feed_forward`, x, gatedWeights(source, layer)),
          rows: last ? batch.rows : undefined,
        },
        {
          attention: (at, value) =>
            norm(at, value, layer.weight('input_layernorm.weight', [sizes.hiddenSize])),
          feedForward: (at, value) =>
            norm(at, value, layer.weight('post_attention_layernorm.weight', [sizes.hiddenSize])),
        },
      );
    }
    return norm('final_norm', residual, body.weight('norm.weight', [sizes.hiddenSize])).normalized;
  },

  sequencePooling: () => 'lasttoken',

  classifySequences({ graph, weights, sizes }, pooled, labels) {
    return linear(graph, 'score', pooled, weights.matrix('score', labels, sizes.hiddenSize));
  },

  classifyTokens({ graph, weights, sizes }, hidden, labels) {
    const matrix = weights.matrix('score', labels, sizes.hiddenSize);
    return linear(graph, 'score', hidden, matrix, weights.bias('score', labels));
  },

  markSpans: ({ config }) => config.unsupported('question answering by a decoder is not supported'),
  fillMasks: ({ config }) => config.unsupported('a decoder fills no masks'),
};

function sizesOf(config: ModelConfig): DecoderSizes {
  config.choice('hidden_act', ['silu'], 'silu');
  return decoderSizes(config);
}

/** How far back a token sees, where the model has such a limit. */
function slidingWindow(config: ModelConfig): number {
  const used = config.modelType === 'mistral' || config.flag('use_sliding_window', false);
  return used && config.has('sliding_window') ? config.size('sliding_window') : Infinity;
}

/** Llama has biases where config.json says so, Qwen2 always those of queries, keys and values. */
function attentionWeights(
  config: ModelConfig,
  layer: ModelWeights,
  { heads, kvHeads, headSize, hiddenSize }: DecoderSizes,
): AttentionWeights {
  const [queries, keys] = [heads * headSize, kvHeads * headSize];
  const biased = config.flag('attention_bias', false);
  const inputs = biased || config.modelType === 'qwen2';
  const bias = (name: string, size: number, there: boolean) =>
    there ? layer.bias(`self_attn.${name}`, size) : undefined;
  return {
    query: layer.matrix('self_attn.q_proj', queries, hiddenSize),
    queryBias: bias('q_proj', queries, inputs),
    key: layer.matrix('self_attn.k_proj', keys, hiddenSize),
    keyBias: bias('k_proj', keys, inputs),
    value: layer.matrix('self_attn.v_proj', keys, hiddenSize),
    valueBias: bias('v_proj', keys, inputs),
    output: layer.matrix('self_attn.o_proj', hiddenSize, queries),
    outputBias: bias('o_proj', hiddenSize, biased),
  };
}

function headNorms(
  config: ModelConfig,
  layer: ModelWeights,
  headSize: number,
  epsilon: number,
): HeadNorms | undefined {
  if (config.modelType !== 'qwen3') return undefined;
  if (paddedHeadSize(headSize) !== headSize)
    config.unsupported(`normalised heads of ${headSize} features, no multiple of 16`);
  return {
    query: layer.weight('self_attn.q_norm.weight', [headSize]),
    key: layer.weight('self_attn.k_norm.weight', [headSize]),
    epsilon,
  };
}

function gatedWeights({ config, sizes }: EncoderSource, layer: ModelWeights) {
  const { hiddenSize, intermediateSize } = sizes;
  const biased = config.flag('mlp_bias', false);
  const bias = (name: string, size: number) => (biased ? layer.bias(`mlp.${name}`, size) : undefined);
  return {
    up: layer.matrix('mlp.gate_proj', intermediateSize, hiddenSize),
    upBias: bias('gate_proj', intermediateSize),
    gate: layer.matrix('mlp.up_proj', intermediateSize, hiddenSize),
    gateBias: bias('up_proj', intermediateSize),
    down: layer.matrix('mlp.down_proj', hiddenSize, intermediateSize),
    downBias: bias('down_proj', hiddenSize),
    activation: 'silu' as const,
  };
}
