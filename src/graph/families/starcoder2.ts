import type { DecoderArchitecture, DecoderLayer } from '../assembly/decoder-design.js';
import { plainMlp } from '../assembly/decoder-layers.js';
import { layerNorms } from '../assembly/decoder-norms.js';
import { llamaDesign } from '../assembly/llama-design.js';
import { uniformlyWindowedSizes } from '../assembly/windows.js';
import { activationOf } from '../blocks/activation.js';
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
  const { config } = layer.source;
  return plainMlp(layer, x, {
    within: 'mlp',
    up: 'c_fc',
    down: 'c_proj',
    inner: config.size('intermediate_size'),
    hasBiases: config.flag('use_bias', true),
    activation: activationOf(config, 'hidden_act', 'gelu_pytorch_tanh'),
  });
}
