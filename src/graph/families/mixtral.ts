import type { DecoderArchitecture, DecoderLayer } from '../assembly/decoder-design.js';
import { preNormLayer, selfAttention } from '../assembly/decoder-layers.js';
import { rmsNorms } from '../assembly/decoder-norms.js';
import { routedExperts } from '../assembly/experts.js';
import { rotaryOf } from '../assembly/rope.js';
import { uniformlyWindowedSizes } from '../assembly/windows.js';
import type { GatedWeights } from '../blocks/feed-forward.js';
import type { Value } from '../onnx/graph-builder.js';

/** Mixtral (Jiang et al. 2024): Mistral with experts in place of the feed-forward layer. */
export const mixtral: DecoderArchitecture = {
  modelTypes: ['mixtral'],
  sizes: uniformlyWindowedSizes,
  design(source) {
    const rotary = rotaryOf(source);
    return {
      normalize: rmsNorms(source),
      layer: (layer, residual) =>
        preNormLayer(layer, residual, {
          attention: x => selfAttention(layer, x, { rotary }),
          feedForward: x => mixtralExperts(layer, x),
        }),
    };
  },
};

function mixtralExperts(layer: DecoderLayer, x: Value): Value {
  const { config, sizes } = layer.source;
  const { hiddenSize } = sizes;
  const inner = config.size('intermediate_size');
  const count = config.size('num_local_experts');
  const own = layer.weights.within('block_sparse_moe');
  const experts = Array.from({ length: count }, (_, i): GatedWeights => {
    const expert = own.within(`experts.${i}`);
    return {
      gate: expert.matrix('w1', inner, hiddenSize),
      up: expert.matrix('w3', inner, hiddenSize),
      down: expert.matrix('w2', hiddenSize, inner),
    };
  });
  return routedExperts(layer, x, own.matrix('gate', count, hiddenSize), experts, true);
}
