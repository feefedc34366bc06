import type { DecoderArchitecture, DecoderLayer } from '../assembly/decoder-design.js';
import { routedExperts } from '../assembly/experts.js';
import { llamaDesign } from '../assembly/llama-design.js';
import { uniformlyWindowedSizes } from '../assembly/windows.js';
import type { GatedWeights } from '../blocks/feed-forward.js';
import type { Value } from '../onnx/graph-builder.js';

/** Mixtral (Jiang et al. 2024): Mistral with experts in place of the feed-forward layer. */
export const mixtral: DecoderArchitecture = {
  modelTypes: ['mixtral'],
  sizes: uniformlyWindowedSizes,
  design: source => llamaDesign(source, { feedForward: mixtralExperts }),
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
