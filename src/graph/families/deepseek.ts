import type { DecoderArchitecture, DecoderLayer } from '../assembly/decoder-design.js';
import { gatedWeights } from '../assembly/decoder-layers.js';
import type { DecoderSource } from '../assembly/decoder-source.js';
import { routedExperts } from '../assembly/experts.js';
import { latentAttention, latentDecoderSizes } from '../assembly/latent-attention.js';
import { gatedMlps, llamaDesign } from '../assembly/llama-design.js';
import { activationOf } from '../blocks/activation.js';
import type { ExpertGroups, ExpertRouting } from '../blocks/expert-routing.js';
import { gatedFeedForward } from '../blocks/feed-forward.js';
import type { ModelConfig } from '../config.js';
import type { Value } from '../onnx/graph-builder.js';

/** Of both configuration classes. */
const LATENT_DEFAULTS = {
  kv_lora_rank: 512,
  q_lora_rank: 1536,
  qk_nope_head_dim: 128,
  qk_rope_head_dim: 64,
  v_head_dim: 128,
};

/**
 * DeepSeek-V2, V2-Lite and Coder-V2 (DeepSeek-AI 2024): latent attention, and experts beside such that all tokens go
 * through, in all layers but the first.
 */
export const deepseekV2: DecoderArchitecture = {
  modelTypes: ['deepseek_v2'],
  defaults: {
    ...LATENT_DEFAULTS,
    first_k_dense_replace: 0,
    moe_intermediate_size: 1407,
    n_routed_experts: 64,
    n_shared_experts: 2,
    routed_scaling_factor: 1,
    topk_method: 'greedy',
  },
  fieldNames: { n_routed_experts: 'num_experts' },
  sizes: latentDecoderSizes,
  design(source) {
    const { config } = source;
    const method = config.choice('topk_method', ['greedy', 'group_limited_greedy']);
    const groups = method === 'greedy' ? undefined : expertGroups(config, 1);
    const routing = groups && (() => ({ score: 'softmax', groups }) as const);
    return llamaDesign(source, {
      attend: latentAttention(source, { interleaved: true }),
      feedForward: deepseekFeedForward(source, { routing, normalized: false, biasField: 'mlp_bias' }),
    });
  },
};

/**
 * DeepSeek-V3 and R1 (DeepSeek-AI 2024) and Kimi K2 (Moonshot AI 2025): DeepSeek-V2 whose experts' scores are sigmoids,
 * with a bias that balances their load.
 */
export const deepseekV3: DecoderArchitecture = {
  modelTypes: ['deepseek_v3', 'kimi_k2'],
  defaults: {
    ...LATENT_DEFAULTS,
    first_k_dense_replace: 3,
    moe_intermediate_size: 2048,
    n_group: 8,
    n_routed_experts: 256,
    n_shared_experts: 1,
    norm_topk_prob: true,
    num_experts_per_tok: 8,
    rope_interleave: true,
    routed_scaling_factor: 2.5,
    topk_group: 4,
  },
  fieldNames: { n_routed_experts: 'num_local_experts' },
  sizes: latentDecoderSizes,
  design(source) {
    const { config } = source;
    return llamaDesign(source, {
      attend: latentAttention(source, { interleaved: config.flag('rope_interleave', false) }),
      feedForward: deepseekFeedForward(source, {
        routing: balancedRouting(config),
        normalized: config.flag('norm_topk_prob', false),
      }),
    });
  },
};

/** What sets a family's feed-forward layers apart. */
interface DeepseekExperts {
  /** Undefined: the most probable experts. */
  readonly routing: ((layer: DecoderLayer) => ExpertRouting) | undefined;
  readonly normalized: boolean;
  /** The field that says whether feed-forward layers that are no routed experts have biases; undefined: they have none. */
  readonly biasField?: string;
  /** Whether a layer has experts; default: all from `first_k_dense_replace` on. */
  readonly isSparse?: (layer: DecoderLayer) => boolean;
}

/** Experts beside such that all tokens go through; in some layers a usual feed-forward layer instead. */
function deepseekFeedForward(
  source: DecoderSource,
  { routing, normalized, biasField, isSparse }: DeepseekExperts,
): (layer: DecoderLayer, x: Value) => Value {
  const { graph, config, sizes } = source;
  const dense = gatedMlps(source, biasField);
  const hasBiases = biasField !== undefined && config.flag(biasField, false);
  const activation = activationOf(config, 'hidden_act', 'silu');
  const first = isSparse === undefined ? config.count('first_k_dense_replace') : 0;
  const inner = config.size('moe_intermediate_size');
  const count = config.size('n_routed_experts');
  const shared = config.count('n_shared_experts');
  const factor = config.positive('routed_scaling_factor');
  return (layer, x) => {
    if (!(isSparse?.(layer) ?? layer.index >= first)) return dense(layer, x);
    const own = layer.weights.within('mlp');
    const router = own.matrix('gate', count, sizes.hiddenSize);
    const experts = Array.from({ length: count }, (_, i) =>
      gatedWeights(layer, own.within(`experts.${i}`), inner),
    );
    const others = { routing: routing?.(layer), factor };
    const routed = routedExperts(layer, x, router, experts, normalized, others);
    if (shared === 0) return routed;
    const name = `${layer.name}.shared_experts`;
    const weights = gatedWeights(layer, own.within('shared_experts'), shared * inner, hasBiases);
    const common = gatedFeedForward(graph, name, x, weights, activation);
    return graph.node({ op: 'Add', inputs: [routed, common], name: `${name}.added` });
  };
}

/** Sigmoids with a bias for the choice, within groups whose two best experts count. */
function balancedRouting(config: ModelConfig): (layer: DecoderLayer) => ExpertRouting {
  const groups = expertGroups(config, 2);
  const count = config.size('n_routed_experts');
  return ({ weights }) => ({
    score: 'sigmoid',
    choiceBias: weights.within('mlp.gate').vector('e_score_correction_bias', count),
    groups,
  });
}

/**
 * @param counted how many of a group's experts count for it.
 * @throws KvasirError `invalid_model` where there are not as many experts as are to be chosen
 */
function expertGroups(config: ModelConfig, counted: number): ExpertGroups | undefined {
  const [count, chosen] = [config.size('n_group'), config.size('topk_group')];
  const experts = config.size('n_routed_experts');
  const perToken = config.size('num_experts_per_tok');
  const size = experts / count;
  if (!Number.isInteger(size) || size < counted)
    config.invalid(`${experts} experts (n_routed_experts) cannot be in ${count} groups (n_group)`);
  if (chosen > count || perToken > chosen * size)
    config.invalid(
      `${perToken} experts (num_experts_per_tok) cannot be chosen from ${chosen} (topk_group) of ${count} groups of ${size}`,
    );
  return chosen === count ? undefined : { count, chosen, counted };
}
