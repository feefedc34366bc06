import { activationOf, type Activation } from '../../blocks/activation.js';
import type { ModelConfig } from '../../config.js';
import type { VisionLayerNames } from '../vision/layer-weights.js';
import { vitHeads } from '../vision/sizes.js';
import type { VisionTransformerDesign } from '../vision/vision-transformer.js';

/** What the towers of CLIP and of SigLIP have alike. */
export function towerDesign(
  config: ModelConfig,
  defaults: { readonly activation: Activation; readonly epsilon: number },
): Pick<
  VisionTransformerDesign,
  'heads' | 'intermediateSize' | 'activation' | 'epsilon' | 'layer' | 'leading'
> {
  return {
    heads: vitHeads(config),
    intermediateSize: config.size('intermediate_size', 3072),
    activation: activationOf(config, 'hidden_act', defaults.activation),
    epsilon: config.positive('layer_norm_eps', defaults.epsilon),
    layer: towerLayer,
    leading: [],
  };
}

/** Names in a layer of both towers. */
export function towerLayer(index: number): VisionLayerNames {
  const prefix = `encoder.layers.${index}`;
  return {
    query: `${prefix}.self_attn.q_proj`,
    key: `${prefix}.self_attn.k_proj`,
    value: `${prefix}.self_attn.v_proj`,
    output: `${prefix}.self_attn.out_proj`,
    attentionNorm: `${prefix}.layer_norm1`,
    feedForwardNorm: `${prefix}.layer_norm2`,
    up: `${prefix}.mlp.fc1`,
    down: `${prefix}.mlp.fc2`,
  };
}
