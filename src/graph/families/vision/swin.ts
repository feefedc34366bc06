import type { VisionArchitecture, VisionSource } from '../../assembly/vision/architecture.js';
import { meanVector, projected } from '../../assembly/vision/heads.js';
import { patchSize, pictureSize } from '../../assembly/vision/sizes.js';
import { windowStages } from '../../assembly/vision/window-stages.js';
import { MOST, type ModelConfig } from '../../config.js';

/**
 * Swin (Liu et al. 2021): attention in windows that are shifted from layer to layer, four neighbours merged from
 * stage to stage. Its features, which its classifier reads, are the mean of the tokens behind the last norm. Weight
 * names are those of Hugging Face's `SwinModel`.
 */
export const swin: VisionArchitecture = {
  modelTypes: ['swin'],
  bodyName: 'swin',
  probe: 'embeddings.patch_embeddings.projection.weight',

  sizes(config) {
    if (config.size('num_channels', 3) !== 3)
      config.unsupported('num_channels is not 3: pictures that are not red, green and blue');
    const patch = patchSize(config, 4);
    return {
      layers: depthsOf(config).reduce((sum, depth) => sum + depth, 0),
      hiddenSize: hiddenSize(config),
      picture: pictureSize(config),
      patch,
      // Most layers are in the third stage.
      tokenSide: 4 * patch,
      leading: 0,
      resizes: false,
    };
  },

  hiddenStates(source: VisionSource) {
    const { config } = source;
    const depths = depthsOf(config);
    const heads = config.numbers('num_heads', [3, 6, 12, 24]);
    if (heads.length !== depths.length)
      config.invalid(`num_heads has ${heads.length} entries for ${depths.length} stages`);
    return windowStages(source, {
      firstSize: config.size('embed_dim', 96, MOST.width),
      stages: depths.map((depth, i) => ({ depth, heads: heads[i]! })),
      window: config.size('window_size', 7),
    });
  },

  embedding: config => meanVector(hiddenSize(config)),
  classifier: (config, labels) => projected(meanVector(hiddenSize(config)), 'classifier', labels),
};

function depthsOf(config: ModelConfig): readonly number[] {
  const depths = config.numbers('depths', [2, 2, 6, 2]);
  if (
    depths.length === 0 ||
    !depths.every(depth => Number.isInteger(depth) && depth > 0 && depth <= MOST.layers)
  )
    config.invalid(`depths is ${JSON.stringify(depths)}, expected positive integers`);
  return depths;
}

function hiddenSize(config: ModelConfig): number {
  return config.size('embed_dim', 96, MOST.width) * 2 ** (depthsOf(config).length - 1);
}
