import type { DecoderArchitecture, DecoderLayer } from '../assembly/decoder-design.js';
import { layerNorms } from '../assembly/decoder-norms.js';
import { llamaDesign } from '../assembly/llama-design.js';
import { uniformlyWindowedSizes } from '../assembly/windows.js';
import { activationOf } from '../blocks/activation.js';
import { feedForward } from '../blocks/feed-forward.js';
import type { Value } from '../onnx/graph-builder.js';

/**
 * StarCoder2 (Lozhkov et al. 2024): layer norm, grouped-query attention with a sliding window, rotary
 * positions, GELU, and biases.
 */
export const starcoder2: DecoderArchitecture = {
  modelTypes: ['starcoder2'],
  sizes: uniformlyWindowedSizes,
  design: source =>
    llamaDesign(source, {
      normalize: layerNorms(source, 'norm_epsilon'),
      attentionBiases: source.config.flag('use_bias', true) ? 'all' : 'none',
      feedForward: mlp,
    }),
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
