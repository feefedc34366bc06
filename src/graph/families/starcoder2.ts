import type { DecoderArchitecture, DecoderLayer } from '../assembly/decoder-design.js';
import { preNormLayer, selfAttention } from '../assembly/decoder-layers.js';
import { layerNorms } from '../assembly/decoder-norms.js';
import { rotaryOf } from '../assembly/rope.js';
import { uniformlyWindowedSizes } from '../assembly/windows.js';
import { activationOf } from '../blocks/activation.js';
import { feedForward } from '../blocks/feed-forward.js';
import type { Value } from '../onnx/graph-builder.js';

/** StarCoder2 (Lozhkov et al. 2024): layer norm, grouped-query attention with a sliding window, rotary positions, GELU, and biases. */
export const starcoder2: DecoderArchitecture = {
  modelTypes: ['starcoder2'],
  sizes: uniformlyWindowedSizes,
  design(source) {
    const rotary = rotaryOf(source);
    const biases = source.config.flag('use_bias', true) ? 'all' : 'none';
    return {
      normalize: layerNorms(source, 'norm_epsilon'),
      layer: (layer, residual) =>
        preNormLayer(layer, residual, {
          attention: x => selfAttention(layer, x, { rotary }, biases),
          feedForward: x => mlp(layer, x),
        }),
    };
  },
};

function mlp(layer: DecoderLayer, x: Value): Value {
  const { graph, config, sizes } = layer.source;
  const inner = config.size('intermediate_size');
  const hasBiases = config.flag('use_bias', true);
  const own = layer.weights.within('mlp');
  const weights = {
    up: own.matrix('c_fc', inner, sizes.hiddenSize),
    upBias: hasBiases ? own.bias('c_fc', inner) : undefined,
    down: own.matrix('c_proj', sizes.hiddenSize, inner),
    downBias: hasBiases ? own.bias('c_proj', sizes.hiddenSize) : undefined,
  };
  const activation = activationOf(config, 'hidden_act', 'gelu_pytorch_tanh');
  return feedForward(graph, `${layer.name}.feed_forward`, x, weights, activation);
}
