import { gatedFeedForward, type GatedWeights } from '../blocks/feed-forward.js';
import { linear } from '../blocks/linear.js';
import { mixtureOfExperts } from '../blocks/mixture-of-experts.js';
import type { ModelConfig } from '../config.js';
import type { Value } from '../onnx/graph-builder.js';
import type { ModelWeights } from '../weights/model-weights.js';
import type { DecoderArchitecture } from '../assembly/decoder-architecture.js';
import { rmsNorms, writeDecoder, type DecoderLayer } from '../assembly/decoder-body.js';
import {
  gatedMlp,
  gatedWeights,
  headNorms,
  preNormLayer,
  selfAttention,
} from '../assembly/decoder-layers.js';
import { qwenSizes } from './qwen.js';
import { readRope, ropeTables } from '../assembly/rope.js';
import { uniformlyWindowedSizes } from '../assembly/windows.js';

/** Mixtral (Jiang et al. 2024): Mistral with experts in place of the feed-forward layer. */
export const mixtral: DecoderArchitecture = {
  modelTypes: ['mixtral'],
  sizes: uniformlyWindowedSizes,
  write(source) {
    const { config, sizes } = source;
    requireSilu(config);
    const rotary = ropeTables(source, 'rotary', readRope(config, sizes));
    writeDecoder(source, {
      normalize: rmsNorms(source),
      layer: (layer, residual) =>
        preNormLayer(layer, residual, {
          attention: x => selfAttention(layer, x, { rotary }),
          feedForward: x => mixtralExperts(layer, x),
        }),
    });
  },
};

function mixtralExperts(layer: DecoderLayer, x: Value): Value {
  const { graph, config, sizes } = layer.source;
  const inner = config.size('intermediate_size');
  const own = layer.weights.within('block_sparse_moe');
  const expert = (weights: ModelWeights): GatedWeights => ({
    gate: weights.matrix('w1', inner, sizes.hiddenSize),
    up: weights.matrix('w3', inner, sizes.hiddenSize),
    down: weights.matrix('w2', sizes.hiddenSize, inner),
  });
  const count = config.size('num_local_experts');
  return mixtureOfExperts(graph, `${layer.name}.experts`, x, {
    router: own.matrix('gate', count, sizes.hiddenSize),
    experts: Array.from({ length: count }, (_, i) => expert(own.within(`experts.${i}`))),
    perToken: expertsPerToken(config, count),
    normalized: true,
  });
}

/** Qwen2-MoE and 1.5-MoE (Yang et al. 2024): Qwen2 with experts, and one that all tokens go through. */
export const qwen2Moe: DecoderArchitecture = {
  modelTypes: ['qwen2_moe'],
  sizes: qwenSizes,
  write(source) {
    const { config, sizes } = source;
    requireSilu(config);
    const rotary = ropeTables(source, 'rotary', readRope(config, sizes));
    const biases = config.flag('qkv_bias', true) ? 'inputs' : 'none';
    writeDecoder(source, {
      normalize: rmsNorms(source),
      layer: (layer, residual) =>
        preNormLayer(layer, residual, {
          attention: x => selfAttention(layer, x, { rotary }, biases),
          feedForward: x =>
            isSparse(layer) ? addSharedExpert(layer, x, qwenExperts(layer, x)) : gatedMlp(layer, x, 'silu'),
        }),
    });
  },
};

/** Qwen3-MoE (Yang et al. 2025): Qwen3 with experts. */
export const qwen3Moe: DecoderArchitecture = {
  modelTypes: ['qwen3_moe'],
  sizes: qwenSizes,
  write(source) {
    const { config, sizes } = source;
    requireSilu(config);
    const rotary = ropeTables(source, 'rotary', readRope(config, sizes));
    const biases = config.flag('attention_bias', false) ? 'all' : 'none';
    writeDecoder(source, {
      normalize: rmsNorms(source),
      layer: (layer, residual) =>
        preNormLayer(layer, residual, {
          attention: x => selfAttention(layer, x, { rotary, norms: headNorms(layer) }, biases),
          feedForward: x => (isSparse(layer) ? qwenExperts(layer, x) : gatedMlp(layer, x, 'silu')),
        }),
    });
  },
};

/** Whether a layer has experts: every `decoder_sparse_step`th one, unless `mlp_only_layers` names it. */
function isSparse({ source: { config }, index }: DecoderLayer): boolean {
  return (
    !config.numbers('mlp_only_layers', []).includes(index) &&
    (index + 1) % config.size('decoder_sparse_step', 1) === 0
  );
}

function qwenExperts(layer: DecoderLayer, x: Value): Value {
  const { graph, config, sizes } = layer.source;
  const own = layer.weights.within('mlp');
  const inner = config.size('moe_intermediate_size');
  const count = config.size(config.has('num_experts') ? 'num_experts' : 'num_local_experts');
  return mixtureOfExperts(graph, `${layer.name}.experts`, x, {
    router: own.matrix('gate', count, sizes.hiddenSize),
    experts: Array.from({ length: count }, (_, i) => gatedWeights(layer, own.within(`experts.${i}`), inner)),
    perToken: expertsPerToken(config, count),
    normalized: config.flag('norm_topk_prob', false),
  });
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

function expertsPerToken(config: ModelConfig, experts: number): number {
  const count = config.size('num_experts_per_tok');
  if (count > experts)
    config.invalid(`num_experts_per_tok (${count}) is more than there are experts (${experts})`);
  return count;
}

/** The operator for experts knows no other gate. */
function requireSilu(config: ModelConfig): void {
  config.choice('hidden_act', ['silu'], 'silu');
}
