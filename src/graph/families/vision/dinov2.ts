import type { VisionArchitecture } from '../../assembly/vision/architecture.js';
import { meanVector, projected, sideBySide, tokenVector } from '../../assembly/vision/heads.js';
import { vitSizes } from '../../assembly/vision/sizes.js';
import type { VisionLayerNames } from '../../assembly/vision/layer-weights.js';
import { visionTransformer } from '../../assembly/vision/vision-transformer.js';
import type { ModelConfig } from '../../config.js';
import { hiddenSize, vitDesign, vitLayer } from './vit.js';

/**
 * DINOv2 (Oquab et al. 2023): ViT with layer scale, whose positions are interpolated for pictures of other sizes.
 * Its features are the class token behind the last norm; its classifier reads that beside the mean of the patches.
 * Weight names are those of Hugging Face's `Dinov2Model`.
 */
export const dinov2 = dinov2With({ modelType: 'dinov2', registers: () => 0, patch: 14, antialias: false });

/** DINOv2 with registers (Darcet et al. 2023): tokens without a position, which nobody reads. */
export const dinov2WithRegisters = dinov2With({
  modelType: 'dinov2_with_registers',
  registers: config => config.count('num_register_tokens', 4),
  patch: 16,
  antialias: true,
});

interface Dinov2Difference {
  readonly modelType: string;
  readonly registers: (config: ModelConfig) => number;
  /** Default of `patch_size`. */
  readonly patch: number;
  readonly antialias: boolean;
}

function dinov2With({ modelType, registers, patch, antialias }: Dinov2Difference): VisionArchitecture {
  const leading = (config: ModelConfig): number => 1 + registers(config);
  return {
    modelTypes: [modelType],
    bodyName: modelType,
    probe: 'embeddings.patch_embeddings.projection.weight',
    sizes: config => vitSizes(config, { patch, leading: leading(config), resizes: true }),
    hiddenStates(source, tokens) {
      const { config } = source;
      const width = hiddenSize(config);
      const expanded = Math.trunc(width * config.positive('mlp_ratio', 4));
      const isGated = config.flag('use_swiglu_ffn', false);
      const kept = registers(config);
      const design = vitDesign(config, [
        ['cls_token', 1],
        ...(kept === 0 ? [] : [['register_tokens', kept] as const]),
      ]);
      return visionTransformer(
        source,
        {
          ...design,
          epsilon: config.positive('layer_norm_eps', 1e-6),
          // SwiGLU keeps two thirds, in whole eights.
          intermediateSize: isGated ? 8 * Math.ceil(Math.trunc((expanded * 2) / 3) / 8) : expanded,
          activation: isGated ? 'silu' : design.activation,
          positions: { ...design.positions!, leading: 1, antialias },
          layer: index => dinov2Layer(index, isGated),
        },
        tokens,
      );
    },
    embedding: config => tokenVector(hiddenSize(config)),
    classifier: (config, labels) =>
      projected(
        sideBySide([tokenVector(hiddenSize(config)), meanVector(hiddenSize(config), leading(config))]),
        'classifier',
        labels,
      ),
  };
}

function dinov2Layer(index: number, isGated: boolean): VisionLayerNames {
  const prefix = `encoder.layer.${index}`;
  return {
    ...vitLayer(index),
    attentionNorm: `${prefix}.norm1`,
    feedForwardNorm: `${prefix}.norm2`,
    up: `${prefix}.mlp.${isGated ? 'weights_in' : 'fc1'}`,
    down: `${prefix}.mlp.${isGated ? 'weights_out' : 'fc2'}`,
    upHasGate: isGated,
    scales: [`${prefix}.layer_scale1.lambda1`, `${prefix}.layer_scale2.lambda1`],
  };
}
