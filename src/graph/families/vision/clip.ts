import type { TowersArchitecture } from '../../assembly/towers/architecture.js';
import { textTower } from '../../assembly/towers/text-tower.js';
import { towerDesign, towerLayer } from '../../assembly/towers/tower-design.js';
import type { VisionArchitecture, VisionHead } from '../../assembly/vision/architecture.js';
import { meanVector, normed, projected, tokenVector } from '../../assembly/vision/heads.js';
import { vitSizes } from '../../assembly/vision/sizes.js';
import { visionTransformer } from '../../assembly/vision/vision-transformer.js';
import { MOST, type ModelConfig } from '../../config.js';

/**
 * The tower of CLIP (Radford et al. 2021) that sees. Its features alone are the norm of the class token, projected
 * where a projection is stored; its classifier reads the mean of the patches. Weight names are those of Hugging
 * Face's `CLIPVisionModel`.
 */
export const clipVision: VisionArchitecture = {
  modelTypes: ['clip_vision_model', 'clip'],
  section: 'vision_config',
  bodyName: 'vision_model',
  probe: 'embeddings.patch_embedding.weight',
  sizes: config => vitSizes(config, { patch: 32, leading: 1 }),

  hiddenStates(source, tokens) {
    const width = source.sizes.hiddenSize;
    const design = towerDesign(source.config, { activation: 'quick_gelu', epsilon: 1e-5 });
    return visionTransformer(
      source,
      {
        ...design,
        leading: [{ name: 'embeddings.class_embedding', shape: [width] }],
        patches: { name: 'embeddings.patch_embedding', hasBias: false },
        positions: { name: 'embeddings.position_embedding.weight', leading: 1, isStacked: false },
        firstNorm: 'pre_layrnorm',
      },
      tokens,
    );
  },

  embedding(config) {
    const isProjected = config.strings('architectures', []).some(name => name.endsWith('WithProjection'));
    return isProjected ? projection(config, config.size('projection_dim', 512)) : features(config);
  },
  classifier: (config, labels) => projected(meanVector(width(config), 1), 'classifier', labels),
};

/** What the tower gives to the common space. */
function projection(config: ModelConfig, size: number): VisionHead {
  return projected(features(config), 'visual_projection', size, { hasBias: false });
}

function features(config: ModelConfig): VisionHead {
  const epsilon = config.positive('layer_norm_eps', 1e-5);
  return normed(tokenVector(width(config)), ({ body }) =>
    body.norm('post_layernorm', width(config), epsilon),
  );
}

/** CLIP: the tower that reads is causal, and the text's end stands for it. */
export const clip: TowersArchitecture = {
  modelTypes: ['clip'],
  vision: clipVision,
  text: textTower({
    isCausal: true,
    layer: towerLayer,
    defaults: {
      vocab_size: 49408,
      hidden_size: 512,
      intermediate_size: 2048,
      num_hidden_layers: 12,
      num_attention_heads: 8,
      max_position_embeddings: 77,
      hidden_act: 'quick_gelu',
      layer_norm_eps: 1e-5,
      eos_token_id: 49407,
    },
  }),
  preparation: 'ended',
  picture: (config, whole) => projection(config, whole.size('projection_dim', 512)),
  textProjection: (_, whole) => ({
    name: 'text_projection',
    width: whole.size('projection_dim', 512),
    hasBias: false,
  }),
  // Training stops the scale at 100 (section 2.4 of the paper), where it comes to.
  similarity: { activation: 'softmax', shape: [], hasBias: false, usualScale: 100 },
};

function width(config: ModelConfig): number {
  return config.size('hidden_size', 768, MOST.width);
}
