import type { DecoderArchitecture, DecoderLayer } from '../assembly/decoder-design.js';
import { attend, plainMlp } from '../assembly/decoder-layers.js';
import { GPT_NAMES, multiHeadSizes, type DecoderSizes } from '../assembly/decoder-source.js';
import { fusedProjection, partsByHead } from '../assembly/fused-attention.js';
import { GPT_BODY, gptDesign } from '../assembly/gpt-design.js';
import { activationOf } from '../blocks/activation.js';
import { MOST } from '../config.js';
import type { Value } from '../onnx/graph-builder.js';

/** StarCoder and SantaCoder (Li et al. 2023; Ben Allal et al. 2023): GPT-2 with multi-query attention. */
export const gptBigcode: DecoderArchitecture = {
  modelTypes: ['gpt_bigcode'],
  names: GPT_BODY,
  fieldNames: GPT_NAMES,

  sizes(config): DecoderSizes {
    const sizes = multiHeadSizes(config);
    return config.flag('multi_query', true) ? { ...sizes, kvHeads: 1 } : sizes;
  },

  design(source) {
    const { config, sizes } = source;
    if (!config.flag('scale_attn_weights', true)) config.unsupported('scale_attn_weights is false');
    const trained = config.size('max_position_embeddings', undefined, MOST.context);
    const mlp = {
      within: 'mlp',
      up: 'c_fc',
      down: 'c_proj',
      inner: config.size('n_inner', 4 * sizes.hiddenSize),
      hasBiases: true,
      activation: activationOf(config, 'activation_function', 'gelu_pytorch_tanh'),
    };
    return gptDesign(source, trained, layer => ({
      attention: x => attention(layer, x),
      feedForward: x => plainMlp(layer, x, mlp),
    }));
  },
};

function attention(layer: DecoderLayer, x: Value): Value {
  const { sizes } = layer.source;
  const { hiddenSize } = sizes;
  const own = layer.weights.within('attn');
  const weights = {
    ...fusedProjection(own, 'c_attn', hiddenSize, partsByHead(sizes), true),
    output: own.matrix('c_proj', hiddenSize, hiddenSize),
    outputBias: own.bias('c_proj', hiddenSize),
  };
  return attend(layer, x, weights, { rotary: undefined });
}
