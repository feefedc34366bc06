import { activationOf } from '../blocks/activation.js';
import type { ExpertGroups, ExpertRouting } from '../blocks/expert-routing.js';
import { gatedFeedForward } from '../blocks/feed-forward.js';
import type { ModelConfig } from '../config.js';
import type { Value } from '../onnx/graph-builder.js';
import type { DecoderLayer } from './decoder-design.js';
import { gatedWeights } from './decoder-layers.js';
import type { DecoderSource } from './decoder-source.js';
import { routedExperts, stackedExperts } from './experts.js';
import { gatedMlps } from './llama-design.js';

/** What sets the feed-forward layers of families apart. */
interface DeepseekExperts {
  /** Undefined: the most probable experts. */
  readonly routing: ((layer: DecoderLayer) => ExpertRouting) | undefined;
  readonly normalized: boolean;
  /** The field that says whether feed-forward layers that are no routed experts have biases; undefined: they have none. */
  readonly biasField?: string;
  /** Whether a layer has experts; default: all from `first_k_dense_replace` on. */
  readonly isSparse?: (layer: DecoderLayer) => boolean;
  /** True if all experts are stored in two tensors; default: one by one. */
  readonly isStacked?: boolean;
}

/**
 * Routed experts beside shared ones, which all tokens go through (DeepSeekMoE, Dai et al. 2024); in some layers a
 * usual feed-forward layer instead.
 */
export function sharedAndRoutedExperts(
  source: DecoderSource,
  { routing, normalized, biasField, isSparse, isStacked = false }: DeepseekExperts,
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
    const experts = isStacked
      ? stackedExperts(
          own.weight('experts.gate_up_proj', [count, 2 * inner, sizes.hiddenSize]),
          own.weight('experts.down_proj', [count, sizes.hiddenSize, inner]),
        )
      : Array.from({ length: count }, (_, i) => gatedWeights(layer, own.within(`experts.${i}`), inner));
    const others = { routing: routing?.(layer), factor };
    const routed = routedExperts(layer, x, router, experts, normalized, others);
    if (shared === 0) return routed;
    const name = `${layer.name}.shared_experts`;
    const weights = gatedWeights(layer, own.within('shared_experts'), shared * inner, hasBiases);
    const common = gatedFeedForward(graph, name, x, weights, activation);
    return graph.node({ op: 'Add', inputs: [routed, common], name: `${name}.added` });
  };
}

/** Those of DeepSeek-V3: chosen by sigmoids with a bias, and scaled to a sum of 1 where `norm_topk_prob` says so. */
export function balancedExperts(
  source: DecoderSource,
  others: Pick<DeepseekExperts, 'isSparse'> = {},
): (layer: DecoderLayer, x: Value) => Value {
  const { config } = source;
  const normalized = config.flag('norm_topk_prob', false);
  return sharedAndRoutedExperts(source, { routing: balancedRouting(config), normalized, ...others });
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
export function expertGroups(config: ModelConfig, counted: number): ExpertGroups | undefined {
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
