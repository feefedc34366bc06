import type { DecoderArchitecture, DecoderLayer } from '../assembly/decoder-design.js';
import { attend } from '../assembly/decoder-layers.js';
import type { DecoderSizes } from '../assembly/decoder-source.js';
import { GPT_BODY, gptDesign } from '../assembly/gpt-design.js';
import { activationOf } from '../blocks/activation.js';
import { feedForward } from '../blocks/feed-forward.js';
import { MOST, type ModelConfig } from '../config.js';
import type { Value } from '../onnx/graph-builder.js';
import { matrix, transposed, type Matrix } from '../weights/matrix.js';
import type { ModelWeights } from '../weights/model-weights.js';

/**
 * GPT-2 (Radford et al. 2019): pre-norm layers with layer norm, multi-head attention, learned positions and
 * GELU.
 */
export const gpt2: DecoderArchitecture = {
  modelTypes: ['gpt2'],
  names: GPT_BODY,

  sizes(config): DecoderSizes {
    const hiddenSize = config.size('n_embd', undefined, MOST.width);
    const heads = config.size('n_head');
    if (hiddenSize % heads !== 0)
      config.invalid(`n_embd (${hiddenSize}) is no multiple of n_head (${heads})`);
    return {
      layers: config.size('n_layer', undefined, MOST.layers),
      hiddenSize,
      heads,
      kvHeads: heads,
      headSize: hiddenSize / heads,
      vocabularySize: config.size('vocab_size'),
      contextLength: config.size('n_positions', undefined, MOST.context),
    };
  },

  design(source) {
    const { config } = source;
    refuseOtherScales(config);
    const trained = config.size('n_positions', undefined, MOST.context);
    return gptDesign(source, trained, layer => ({
      attention: x => attention(layer, x),
      feedForward: x => mlp(layer, x),
    }));
  },
};

function attention(layer: DecoderLayer, x: Value): Value {
  const { hiddenSize } = layer.source.sizes;
  const own = layer.weights.within('attn');
  const weights = {
    packed: conv1d(own, 'c_attn', 3 * hiddenSize, hiddenSize),
    packedBias: own.bias('c_attn', 3 * hiddenSize),
    output: conv1d(own, 'c_proj', hiddenSize, hiddenSize),
    outputBias: own.bias('c_proj', hiddenSize),
  };
  return attend(layer, x, weights, { rotary: undefined });
}

function mlp(layer: DecoderLayer, x: Value): Value {
  const { graph, config, sizes } = layer.source;
  const { hiddenSize } = sizes;
  const inner = config.size('n_inner', 4 * hiddenSize);
  const own = layer.weights.within('mlp');
  const weights = {
    up: conv1d(own, 'c_fc', inner, hiddenSize),
    upBias: own.bias('c_fc', inner),
    down: conv1d(own, 'c_proj', hiddenSize, inner),
    downBias: own.bias('c_proj', hiddenSize),
  };
  const activation = activationOf(config, 'activation_function', 'gelu_new');
  return feedForward(graph, `${layer.name}.feed_forward`, x, weights, activation);
}

/** A linear layer that is stored as `[inputs, outputs]`, like a convolution of width 1. */
function conv1d(weights: ModelWeights, name: string, outputs: number, inputs: number): Matrix {
  return transposed(matrix(weights.weight(`${name}.weight`, [inputs, outputs])));
}

function refuseOtherScales(config: ModelConfig): void {
  if (!config.flag('scale_attn_weights', true)) config.unsupported('scale_attn_weights is false');
  if (config.flag('scale_attn_by_inverse_layer_idx', false))
    config.unsupported('scale_attn_by_inverse_layer_idx is true');
}
