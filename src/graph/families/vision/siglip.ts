import type { TowersArchitecture } from '../../assembly/towers/architecture.js';
import { probeVector } from '../../assembly/towers/probe-head.js';
import { textTower } from '../../assembly/towers/text-tower.js';
import { towerDesign, towerLayer } from '../../assembly/towers/tower-design.js';
import type { VisionArchitecture, VisionHead } from '../../assembly/vision/architecture.js';
import { meanVector, projected } from '../../assembly/vision/heads.js';
import { vitSizes } from '../../assembly/vision/sizes.js';
import { visionTransformer } from '../../assembly/vision/vision-transformer.js';
import { MOST, type ModelConfig } from '../../config.js';

const DEFAULTS = { activation: 'gelu_pytorch_tanh', epsilon: 1e-6 } as const;

/**
 * The tower of SigLIP (Zhai et al. 2023), and of SigLIP 2 with pictures of one size, that sees. It has no class token:
 * its features are what a probe attends to, and its classifier reads the mean of the patches. Weight names are those
 * of Hugging Face's `SiglipVisionModel`.
 */
export const siglipVision: VisionArchitecture = {
  modelTypes: ['siglip_vision_model', 'siglip'],
  section: 'vision_config',
  bodyName: 'vision_model',
  probe: 'embeddings.patch_embedding.weight',
  sizes: config => vitSizes(config, { patch: 16, leading: 0 }),

  hiddenStates: (source, tokens) =>
    visionTransformer(
      source,
      {
        ...towerDesign(source.config, DEFAULTS),
        patches: { name: 'embeddings.patch_embedding', hasBias: true },
        positions: { name: 'embeddings.position_embedding.weight', leading: 0, isStacked: false },
        lastNorm: 'post_layernorm',
      },
      tokens,
    ),

  embedding: probed,
  classifier: (config, labels) => projected(meanVector(width(config)), 'classifier', labels),
};

/** SigLIP: texts are padded to the longest and the padding is seen; the last place stands for the text. */
export const siglip: TowersArchitecture = {
  modelTypes: ['siglip'],
  vision: siglipVision,
  text: textTower({
    isCausal: false,
    layer: towerLayer,
    defaults: {
      vocab_size: 32_000,
      hidden_size: 768,
      intermediate_size: 3072,
      num_hidden_layers: 12,
      num_attention_heads: 12,
      max_position_embeddings: 64,
      hidden_act: 'gelu_pytorch_tanh',
      layer_norm_eps: 1e-6,
      pad_token_id: 1,
    },
  }),
  preparation: 'filled',
  picture: probed,
  textProjection: config => ({
    name: 'text_model.head',
    width: config.size('projection_size', config.size('hidden_size')),
    hasBias: true,
  }),
  similarity: { activation: 'sigmoid', shape: [1], hasBias: true },
};

function width(config: ModelConfig): number {
  return config.size('hidden_size', 768, MOST.width);
}

/** What the head's probe attends to. */
function probed(config: ModelConfig): VisionHead {
  if (!config.flag('vision_use_head', true))
    config.unsupported(
      'vision_use_head is false: a tower without the head that makes one vector of a picture',
    );
  return probeVector(width(config), towerDesign(config, DEFAULTS));
}
