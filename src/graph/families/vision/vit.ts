import type { VisionArchitecture } from '../../assembly/vision/architecture.js';
import { meanOf, projected, tokenVector } from '../../assembly/vision/heads.js';
import { vitHeads, vitSizes } from '../../assembly/vision/sizes.js';
import type { VisionLayerNames } from '../../assembly/vision/layer-weights.js';
import { visionTransformer, type VisionTransformerDesign } from '../../assembly/vision/vision-transformer.js';
import { activationOf } from '../../blocks/activation.js';
import { MOST, type ModelConfig } from '../../config.js';

/**
 * ViT (Dosovitskiy et al. 2020), and DINO's first version, which has its form. Its features are the class token
 * behind the last norm. Weight names are those of Hugging Face's `ViTModel`.
 */
export const vit: VisionArchitecture = {
  modelTypes: ['vit'],
  bodyName: 'vit',
  probe: 'embeddings.patch_embeddings.projection.weight',
  sizes: config => vitSizes(config, { patch: 16, leading: 1 }),
  hiddenStates: (source, tokens) =>
    visionTransformer(source, vitDesign(source.config, [['cls_token', 1]]), tokens),
  embedding: config => tokenVector(hiddenSize(config)),
  classifier: (config, labels) => projected(tokenVector(hiddenSize(config)), 'classifier', labels),
};

/**
 * DeiT (Touvron et al. 2020): ViT with a second token, which was trained on another model's answers. The classifier
 * that was trained with it answers with the mean of two heads. Features as ViT's.
 */
export const deit: VisionArchitecture = {
  ...vit,
  modelTypes: ['deit'],
  bodyName: 'deit',
  sizes: config => vitSizes(config, { patch: 16, leading: 2 }),
  hiddenStates: (source, tokens) =>
    visionTransformer(
      source,
      vitDesign(source.config, [
        ['cls_token', 1],
        ['distillation_token', 1],
      ]),
      tokens,
    ),
  classifier(config, labels) {
    const own = tokenVector(hiddenSize(config));
    const isDistilled = config.strings('architectures', []).some(name => name.endsWith('WithTeacher'));
    if (!isDistilled) return projected(own, 'classifier', labels);
    return meanOf([
      projected(own, 'cls_classifier', labels),
      projected(tokenVector(hiddenSize(config), 1), 'distillation_classifier', labels),
    ]);
  },
};

/** What ViT, DeiT and BEiT have alike. */
export function vitDesign(
  config: ModelConfig,
  leading: readonly (readonly [name: string, count: number])[],
): VisionTransformerDesign {
  const width = hiddenSize(config);
  const hasBias = config.flag('qkv_bias', true);
  return {
    heads: vitHeads(config),
    intermediateSize: config.size('intermediate_size', 3072),
    activation: activationOf(config, 'hidden_act', 'gelu'),
    epsilon: config.positive('layer_norm_eps', 1e-12),
    biases: { query: hasBias, key: hasBias, value: hasBias },
    leading: leading.map(([name, count]) => ({ name: `embeddings.${name}`, shape: [1, count, width] })),
    patches: { name: 'embeddings.patch_embeddings.projection', hasBias: true },
    positions: { name: 'embeddings.position_embeddings', leading: leading.length, isStacked: true },
    layer: vitLayer,
    lastNorm: 'layernorm',
  };
}

/** Names in a layer of ViT. */
export function vitLayer(index: number): VisionLayerNames {
  const prefix = `encoder.layer.${index}`;
  return {
    query: `${prefix}.attention.attention.query`,
    key: `${prefix}.attention.attention.key`,
    value: `${prefix}.attention.attention.value`,
    output: `${prefix}.attention.output.dense`,
    attentionNorm: `${prefix}.layernorm_before`,
    feedForwardNorm: `${prefix}.layernorm_after`,
    up: `${prefix}.intermediate.dense`,
    down: `${prefix}.output.dense`,
  };
}

export function hiddenSize(config: ModelConfig): number {
  return config.size('hidden_size', 768, MOST.width);
}
