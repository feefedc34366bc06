import type { VisionArchitecture, VisionHead } from '../../assembly/vision/architecture.js';
import { meanVector, normed, projected, tokenVector } from '../../assembly/vision/heads.js';
import { vitHeads, vitSizes } from '../../assembly/vision/sizes.js';
import { visionTransformer } from '../../assembly/vision/vision-transformer.js';
import { windowPositionBias } from '../../blocks/window-position-bias.js';
import type { ModelConfig } from '../../config.js';
import { hiddenSize, vitDesign, vitLayer } from './vit.js';

/**
 * BEiT (Bao et al. 2021): ViT with layer scale and a bias for each distance of two patches, of one table for all
 * layers or one for each. Its features, which its classifier reads, are the norm of the patches' mean, or the class
 * token. Weight names are those of Hugging Face's `BeitModel`.
 */
export const beit: VisionArchitecture = {
  modelTypes: ['beit'],
  bodyName: 'beit',
  probe: 'embeddings.patch_embeddings.projection.weight',
  sizes(config) {
    const sizes = vitSizes(config, { patch: 16, leading: 1 });
    const { width, height } = sizes.picture;
    // transformers takes rows of the table for columns where they are not as many.
    if (width !== height) config.unsupported(`pictures of ${width}x${height} pixels, which are no squares`);
    return sizes;
  },

  hiddenStates(source, tokens) {
    const { graph, config, body, grid } = source;
    const { positions, ...design } = vitDesign(config, [['cls_token', 1]]);
    const { heads } = vitHeads(config);
    const distances = (2 * grid.rows - 1) * (2 * grid.columns - 1) + 3;
    const bias = (at: string): string =>
      graph.shared(at, () => {
        const table = body.weight(`${at}.relative_position_bias_table`, [distances, heads]);
        return windowPositionBias(graph, at, table, grid, true);
      });
    const ownBias = config.flag('use_relative_position_bias', false);
    const sharedBias = config.flag('use_shared_relative_position_bias', false);
    if (ownBias && sharedBias)
      config.unsupported('use_relative_position_bias and use_shared_relative_position_bias are both true');
    const isScaled = config.finite('layer_scale_init_value', 0.1) > 0;
    return visionTransformer(
      source,
      {
        ...design,
        biases: { key: false },
        ...(config.flag('use_absolute_position_embeddings', false) && { positions }),
        layer: index => ({
          ...vitLayer(index),
          scales: isScaled
            ? [`encoder.layer.${index}.lambda_1`, `encoder.layer.${index}.lambda_2`]
            : undefined,
        }),
        scores: index => {
          if (sharedBias) return { bias: bias('encoder.relative_position_bias') };
          if (!ownBias) return {};
          return { bias: bias(`encoder.layer.${index}.attention.attention.relative_position_bias`) };
        },
        lastNorm: isMeanPooled(config) ? undefined : design.lastNorm,
      },
      tokens,
    );
  },

  embedding: features,
  classifier: (config, labels) => projected(features(config), 'classifier', labels),
};

function isMeanPooled(config: ModelConfig): boolean {
  return config.flag('use_mean_pooling', true);
}

function features(config: ModelConfig): VisionHead {
  const width = hiddenSize(config);
  if (!isMeanPooled(config)) return tokenVector(width);
  const epsilon = config.positive('layer_norm_eps', 1e-12);
  return normed(meanVector(width, 1), ({ body }) => body.norm('pooler.layernorm', width, epsilon));
}
