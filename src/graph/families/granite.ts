import type { DecoderArchitecture, DecoderLayer } from '../assembly/decoder-design.js';
import { biasesOf } from '../assembly/decoder-layers.js';
import { decoderSizes, type DecoderSource } from '../assembly/decoder-source.js';
import { routedExperts, stackedExperts } from '../assembly/experts.js';
import { gatedMlps, llamaDesign, type LlamaDifferences } from '../assembly/llama-design.js';
import { scale } from '../blocks/scale.js';
import type { ModelConfig } from '../config.js';
import type { Value } from '../onnx/graph-builder.js';
import { fusedMlp } from './phi3.js';

/** GraniteMoE (IBM 2024), also with an expert that all tokens go through, and Granite 4 without state-space layers. */
export const graniteMoe: DecoderArchitecture = {
  modelTypes: ['granitemoe', 'granitemoeshared', 'granitemoehybrid'],
  fieldNames: { layer_types: 'layers_block_type' },
  sizes(config) {
    refuseStateSpaces(config);
    return decoderSizes(config);
  },
  design(source) {
    const { config } = source;
    const experts = config.count('num_local_experts', 8);
    const isHybrid = config.modelType === 'granitemoehybrid';
    const shared =
      isHybrid || config.modelType === 'granitemoeshared'
        ? config.count('shared_intermediate_size', isHybrid ? 1024 : 0)
        : 0;
    const turns = !isHybrid || config.choice('position_embedding_type', ['rope', 'nope'], 'nope') === 'rope';
    if (experts === 0 && shared === 0) config.invalid('num_local_experts and shared_intermediate_size are 0');
    return llamaDesign(source, {
      ...graniteDifferences(source),
      ...(!turns && { rotary: () => undefined }),
      feedForward(layer, x) {
        const routed = experts === 0 ? undefined : graniteExperts(layer, x, experts);
        const common = shared === 0 ? undefined : sharedMlp(layer, x, shared);
        if (routed === undefined || common === undefined) return (routed ?? common)!;
        return source.graph.node({ op: 'Add', inputs: [routed, common], name: `${layer.name}.fed` });
      },
    });
  },
};

/**
 * Granite 3 (Granite Team, IBM 2024): Llama with factors of embeddings, scores, layer outputs and logits
 * (Power, Shen et al. 2024).
 */
export const granite: DecoderArchitecture = {
  modelTypes: ['granite'],
  sizes: decoderSizes,
  design: source =>
    llamaDesign(source, { ...graniteDifferences(source), feedForward: gatedMlps(source, 'mlp_bias') }),
};

function graniteDifferences({ graph, config }: DecoderSource): LlamaDifferences {
  const scores = { scale: config.positive('attention_multiplier', 1) };
  return {
    afterEmbedding: x => scale(graph, 'embedded.scaled', x, config.positive('embedding_multiplier', 1)),
    attention: () => scores,
    attentionBiases: biasesOf(config),
    updateFactor: config.positive('residual_multiplier', 1),
    logitsFactor: 1 / config.positive('logits_scaling', 1),
  };
}

function graniteExperts(layer: DecoderLayer, x: Value, count: number): Value {
  const { config, sizes } = layer.source;
  const { hiddenSize } = sizes;
  const inner = config.size('intermediate_size');
  const own = layer.weights.within('block_sparse_moe');
  const experts = stackedExperts(
    own.weight('input_linear.weight', [count, 2 * inner, hiddenSize]),
    own.weight('output_linear.weight', [count, hiddenSize, inner]),
  );
  return routedExperts(layer, x, own.matrix('router.layer', count, hiddenSize), experts, true);
}

function sharedMlp(layer: DecoderLayer, x: Value, inner: number): Value {
  return fusedMlp(layer, x, { within: 'shared_mlp', both: 'input_linear', down: 'output_linear', inner });
}

/** Older files of hybrid models call layers `attention` and `mamba`, newer ones as others do. */
function refuseStateSpaces(config: ModelConfig): void {
  if (config.modelType !== 'granitemoehybrid') return;
  const types = config.strings('layer_types', ['mamba']);
  const other = types.find(type => type !== 'attention' && type !== 'full_attention');
  if (other !== undefined)
    config.unsupported(`a layer of type '${other}': state-space layers are not implemented`);
  if (types.length !== config.size('num_hidden_layers'))
    config.invalid(`layer_types has ${types.length} entries for ${config.size('num_hidden_layers')} layers`);
}
