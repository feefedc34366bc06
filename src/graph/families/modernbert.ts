import {
  headSizeOf,
  wordTable,
  type EncoderArchitecture,
  type EncoderSource,
} from '../assembly/encoder-architecture.js';
import { dense, packedAttention, part } from '../assembly/layer-weights.js';
import { activationOf } from '../blocks/activation.js';
import type { AttentionWeights } from '../blocks/attention-projections.js';
import { embed } from '../blocks/embedding.js';
import { gatedFeedForward, type GatedWeights } from '../blocks/feed-forward.js';
import { layerNorm } from '../blocks/layer-norm.js';
import { multiHeadAttention } from '../blocks/multi-head-attention.js';
import type { Residual } from '../blocks/normalization.js';
import type { TransformWeights } from '../blocks/prediction-head.js';
import { inverseFrequencies, rotaryTables, type RotaryTables } from '../blocks/rotary.js';
import { preNormBlock, type Normalize } from '../blocks/transformer-block.js';
import { MOST, type ModelConfig } from '../config.js';
import type { ModelWeights, NormWeights } from '../weights/model-weights.js';

/**
 * ModernBERT (Warner et al. 2024): pre-norm layers with rotary positions and GeGLU, of which only some see
 * the whole text. Weight names are those of Hugging Face's `ModernBertModel`.
 */
export const modernbert: EncoderArchitecture = {
  modelTypes: ['modernbert'],
  bodyName: 'model',
  embedding: 'embeddings.tok_embeddings.weight',

  sizes(config) {
    const hiddenSize = config.size('hidden_size', undefined, MOST.width);
    const heads = config.size('num_attention_heads');
    return {
      layers: config.size('num_hidden_layers', undefined, MOST.layers),
      hiddenSize,
      heads,
      headSize: headSizeOf(config, hiddenSize, heads),
      vocabularySize: config.size('vocab_size'),
      segments: 1,
      contextLength: config.size('max_position_embeddings', undefined, MOST.context),
      window: Math.floor(config.size('local_attention', 128) / 2),
    };
  },

  hiddenStates(source) {
    const { graph, config, batch, body, sizes } = source;
    const { layers, hiddenSize } = sizes;
    const rotary = {
      full_attention: rotaryOf(source, 'full_attention', 'global_rope_theta', 160_000),
      sliding_attention: rotaryOf(source, 'sliding_attention', 'local_rope_theta', 10_000),
    };
    const kinds = layerKinds(config, layers);
    const activation = activationOf(config, 'hidden_activation', 'gelu');
    const norm =
      (weights: ModelWeights, name: string): Normalize =>
      (at, value) =>
        layerNorm(graph, at, value, normOf(config, weights, name, hiddenSize));
    const words = embed(graph, 'embedded', wordTable(source), batch.ids);
    const first = { stream: words, update: undefined };
    let residual: Residual = {
      stream: norm(body, 'embeddings.norm')('embedding_norm', first).normalized,
      update: undefined,
    };
    kinds.forEach((kind, index) => {
      const name = `layer.${index}`;
      const layer = body.within(`layers.${index}`);
      const isNarrowed = batch.narrows(index, layers);
      const grid = kind === 'full_attention' ? batch.global(isNarrowed) : batch.local(isNarrowed);
      const attention = attentionWeights(source, layer);
      residual = preNormBlock(
        name,
        residual,
        {
          attention: x =>
            multiHeadAttention(graph, name, x, attention, sizes, grid, { tables: rotary[kind](), batch }),
          feedForward: x =>
            gatedFeedForward(graph, `${name}.feed_forward`, x, gatedWeights(source, layer), activation),
        },
        {
          attention: index === 0 ? undefined : norm(layer, 'attn_norm'),
          feedForward: norm(layer, 'mlp_norm'),
        },
        stream => (isNarrowed ? batch.listed(`${name}.wanted`, stream) : stream),
      );
    });
    return norm(body, 'final_norm')('final_norm', residual).normalized;
  },

  heads(config) {
    const classifier = { transform, projection: 'classifier' };
    return {
      'sequence-classification': {
        ...classifier,
        pooling: config.choice('classifier_pooling', ['cls', 'mean'], 'cls'),
      },
      'token-classification': classifier,
      'question-answering': classifier,
      'fill-mask': {
        transform,
        matrix: 'decoder.weight',
        bias: config.flag('decoder_bias', true) ? 'decoder.bias' : undefined,
      },
    };
  },
};

type LayerKind = 'full_attention' | 'sliding_attention';

/** Which tokens the layers see: `layer_types`, or every n-th all of them and the others a window. */
function layerKinds(config: ModelConfig, layers: number): LayerKind[] {
  if (config.has('layer_types')) {
    const kinds = config.strings('layer_types');
    if (kinds.length !== layers)
      config.invalid(`layer_types has ${kinds.length} entries for ${layers} layers`);
    return kinds.map(kind => {
      if (kind !== 'full_attention' && kind !== 'sliding_attention')
        return config.unsupported(`layer_types has '${kind}'`);
      return kind;
    });
  }
  const every = config.size('global_attn_every_n_layers', 3);
  return Array.from({ length: layers }, (_, i) => (i % every === 0 ? 'full_attention' : 'sliding_attention'));
}

/** Rotary tables of one kind of layer, added to the graph when a layer asks for them. */
function rotaryOf(
  { graph, config, sizes }: EncoderSource,
  kind: LayerKind,
  field: string,
  fallback: number,
): () => RotaryTables {
  return () =>
    graph.shared(`rotary.${kind}`, () => {
      const parameters = config.section('rope_parameters')?.section(kind);
      parameters?.choice('rope_type', ['default'], 'default');
      if (config.has('rope_scaling')) config.unsupported('rope_scaling is not supported here');
      const theta = parameters?.has('rope_theta')
        ? parameters.positive('rope_theta')
        : config.positive(field, fallback);
      const { headSize, contextLength } = sizes;
      if (headSize % 2 !== 0) config.invalid(`heads of an odd size (${headSize}) cannot be rotated`);
      const frequencies = inverseFrequencies(headSize, theta);
      return rotaryTables(graph, `rotary.${kind}`, frequencies, headSize / 2, contextLength);
    });
}

function normOf(config: ModelConfig, weights: ModelWeights, name: string, size: number): NormWeights {
  return weights.norm(name, size, config.positive('norm_eps', 1e-5), config.flag('norm_bias', false));
}

function attentionWeights({ config, sizes }: EncoderSource, layer: ModelWeights): AttentionWeights {
  const names = { packed: 'attn.Wqkv', output: 'attn.Wo' };
  return packedAttention(layer, names, sizes.hiddenSize, config.flag('attention_bias', false));
}

function gatedWeights({ config, sizes }: EncoderSource, layer: ModelWeights): GatedWeights {
  const { hiddenSize } = sizes;
  const intermediateSize = config.size('intermediate_size');
  const biased = config.flag('mlp_bias', false);
  const packed = dense(layer, 'mlp.Wi', 2 * intermediateSize, hiddenSize, biased);
  const gate = part(packed, 0, intermediateSize);
  const up = part(packed, 1, intermediateSize);
  const down = dense(layer, 'mlp.Wo', hiddenSize, intermediateSize, biased);
  return {
    gate: gate.matrix,
    gateBias: gate.bias,
    up: up.matrix,
    upBias: up.bias,
    down: down.matrix,
    downBias: down.bias,
  };
}

/** The layer that all of its heads begin with. */
function transform({ config, weights, sizes }: EncoderSource): TransformWeights {
  const { hiddenSize } = sizes;
  return {
    matrix: weights.matrix('head.dense', hiddenSize, hiddenSize),
    bias: config.flag('classifier_bias', false) ? weights.bias('head.dense', hiddenSize) : undefined,
    activation: activationOf(config, 'classifier_activation', 'gelu'),
    norm: normOf(config, weights, 'head.norm', hiddenSize),
  };
}
