import type { DecoderArchitecture, DecoderLayer } from '../assembly/decoder-design.js';
import { biasesOf, gatedWeights } from '../assembly/decoder-layers.js';
import type { DecoderSizes } from '../assembly/decoder-source.js';
import { routedExperts } from '../assembly/experts.js';
import { gatedMlps, llamaDesign } from '../assembly/llama-design.js';
import { headNorms } from '../assembly/query-key-norms.js';
import { windowedSizes } from '../assembly/windows.js';
import { gatedFeedForward } from '../blocks/feed-forward.js';
import { linear } from '../blocks/linear.js';
import type { ModelConfig } from '../config.js';
import type { Value } from '../onnx/graph-builder.js';

/** Qwen2-MoE and 1.5-MoE (Yang et al. 2024): Qwen2 with experts, and one that all tokens go through. */
export const qwen2Moe: DecoderArchitecture = {
  modelTypes: ['qwen2_moe'],
  sizes: alternatingSizes,
  design(source) {
    const dense = gatedMlps(source);
    return llamaDesign(source, {
      attentionBiases: source.config.flag('qkv_bias', true) ? 'inputs' : 'none',
      feedForward: (layer, x) =>
        isSparse(layer) ? addSharedExpert(layer, x, experts(layer, x)) : dense(layer, x),
    });
  },
};

/** Qwen3-MoE (Yang et al. 2025): Qwen3 with experts. */
export const qwen3Moe: DecoderArchitecture = {
  modelTypes: ['qwen3_moe'],
  sizes: config => windowedSizes(config, () => config.flag('use_sliding_window', false)),
  design(source) {
    const dense = gatedMlps(source);
    return llamaDesign(source, {
      attention: layer => ({ norms: headNorms(layer) }),
      attentionBiases: biasesOf(source.config),
      feedForward: (layer, x) => (isSparse(layer) ? experts(layer, x) : dense(layer, x)),
    });
  },
};

/** Where windows are switched on, every other layer before `max_window_layers` has one. */
function alternatingSizes(config: ModelConfig): DecoderSizes {
  const isUsed = config.flag('use_sliding_window', false);
  return windowedSizes(
    config,
    layer => isUsed && layer % 2 === 0 && layer < config.count('max_window_layers', 28),
  );
}

/** True if a layer has experts: every `decoder_sparse_step`th one, unless `mlp_only_layers` names it. */
function isSparse({ source: { config }, index }: DecoderLayer): boolean {
  return (
    !config.numbers('mlp_only_layers', []).includes(index) &&
    (index + 1) % config.size('decoder_sparse_step', 1) === 0
  );
}

/**
 * Experts by the names that Qwen gives them.
 *
 * @param widthField says how wide each is inside.
 */
export function experts(layer: DecoderLayer, x: Value, widthField = 'moe_intermediate_size'): Value {
  const { config, sizes } = layer.source;
  const own = layer.weights.within('mlp');
  const inner = config.size(widthField);
  const count = config.size(config.has('num_experts') ? 'num_experts' : 'num_local_experts');
  return routedExperts(
    layer,
    x,
    own.matrix('gate', count, sizes.hiddenSize),
    Array.from({ length: count }, (_, i) => gatedWeights(layer, own.within(`experts.${i}`), inner)),
    config.flag('norm_topk_prob', false),
  );
}

/** Adds `sigmoid(x g) · shared(x)`. */
function addSharedExpert(layer: DecoderLayer, x: Value, routed: Value): Value {
  const { graph, config, sizes } = layer.source;
  const own = layer.weights.within('mlp');
  const name = `${layer.name}.shared_expert`;
  const inner = config.size('shared_expert_intermediate_size');
  const weights = gatedWeights(layer, own.within('shared_expert'), inner);
  const shared = gatedFeedForward(graph, name, x, weights, 'silu');
  const gate = own.matrix('shared_expert_gate', 1, sizes.hiddenSize);
  const score = linear(graph, `${name}.score`, x, gate, undefined, 'floats');
  const share = graph.node({ op: 'Sigmoid', inputs: [score], name: `${name}.share` });
  const scaled = graph.node({ op: 'Mul', inputs: [shared, share], name: `${name}.scaled` });
  return graph.node({ op: 'Add', inputs: [routed, scaled], name: `${name}.added` });
}
