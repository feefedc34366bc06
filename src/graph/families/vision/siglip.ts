import type { TowersArchitecture } from '../../assembly/towers/architecture.js';
import { textTower } from '../../assembly/towers/text-tower.js';
import type { VisionArchitecture, VisionHead } from '../../assembly/vision/architecture.js';
import { meanVector, projected } from '../../assembly/vision/heads.js';
import { vitSizes } from '../../assembly/vision/sizes.js';
import { visionTransformer } from '../../assembly/vision/vision-transformer.js';
import { attentionPooling } from '../../blocks/attention-pooling.js';
import { MOST, type ModelConfig } from '../../config.js';
import { matrix, sliceRows } from '../../weights/matrix.js';
import { sliceVector, type ModelWeights } from '../../weights/model-weights.js';
import { towerDesign, towerLayer } from './clip.js';

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
  const size = width(config);
  return {
    width: size,
    tokens: undefined,
    write: ({ graph, body }, hidden) => {
      const { activation, epsilon, intermediateSize, heads } = towerDesign(config, DEFAULTS);
      const head = body.within('head');
      return attentionPooling(
        graph,
        'head',
        hidden,
        {
          probe: head.weight('probe', [1, 1, size]),
          attention: stackedAttention(head.within('attention'), size),
          norm: head.norm('layernorm', size, epsilon),
          feedForward: {
            up: head.matrix('mlp.fc1', intermediateSize, size),
            upBias: head.bias('mlp.fc1', intermediateSize),
            down: head.matrix('mlp.fc2', size, intermediateSize),
            downBias: head.bias('mlp.fc2', size),
          },
          activation,
        },
        heads,
      );
    },
  };
}

/** Attention as PyTorch's own module stores it: queries, keys and values one under the other. */
function stackedAttention(weights: ModelWeights, size: number) {
  const packed = matrix(weights.weight('in_proj_weight', [3 * size, size]));
  const bias = weights.vector('in_proj_bias', 3 * size);
  const part = (index: number) => sliceRows(packed, index * size, (index + 1) * size);
  const biasOf = (index: number) => sliceVector(bias, index * size, (index + 1) * size);
  return {
    query: part(0),
    queryBias: biasOf(0),
    key: part(1),
    keyBias: biasOf(1),
    value: part(2),
    valueBias: biasOf(2),
    output: weights.matrix('out_proj', size, size),
    outputBias: weights.bias('out_proj', size),
  };
}
