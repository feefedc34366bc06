import { CHANNELS, type PatchGrid } from '../../blocks/patch-embedding.js';
import { MOST, type ModelConfig } from '../../config.js';
import { headSizeOf } from '../encoder-architecture.js';
import type { WholeHeads } from '../../blocks/whole-attention.js';
import type { PictureSize, VisionSizes } from './architecture.js';

/** Most pixels of a side: more than any model reads. */
const LONGEST_SIDE = 2 ** 14;

/** Sizes by ViT's field names. */
export function vitSizes(
  config: ModelConfig,
  defaults: { readonly patch: number; readonly leading: number; readonly resizes?: boolean },
): VisionSizes {
  if (config.size('num_channels', CHANNELS) !== CHANNELS)
    config.unsupported('num_channels is not 3: pictures that are not red, green and blue');
  const patch = patchSize(config, defaults.patch);
  return {
    layers: config.size('num_hidden_layers', 12, MOST.layers),
    hiddenSize: config.size('hidden_size', 768, MOST.width),
    picture: pictureSize(config),
    patch,
    tokenSide: patch,
    leading: defaults.leading,
    resizes: defaults.resizes ?? false,
  };
}

/** `image_size`: a side, or height and width. */
export function pictureSize(config: ModelConfig): PictureSize {
  const [height, width] = sides(config, 'image_size', 224);
  return { width, height };
}

/** `patch_size`, of square patches. */
export function patchSize(config: ModelConfig, fallback: number): number {
  const [height, width] = sides(config, 'patch_size', fallback);
  if (height !== width) config.unsupported(`patches of ${width}x${height} pixels, which are no squares`);
  return height;
}

function sides(config: ModelConfig, field: string, fallback: number): readonly [number, number] {
  if (!Array.isArray(config.value(field))) {
    const side = config.size(field, fallback, LONGEST_SIDE);
    return [side, side];
  }
  const [height, width, ...others] = config.numbers(field);
  const fits = (side: number | undefined): side is number =>
    side !== undefined && Number.isInteger(side) && side > 0 && side <= LONGEST_SIDE;
  if (!fits(height) || !fits(width) || others.length > 0)
    return config.invalid(`${field} is ${JSON.stringify(config.value(field))}, expected one or two sides`);
  return [height, width];
}

/** How a picture is cut. */
export function patchGrid({ patch }: Pick<VisionSizes, 'patch'>, { width, height }: PictureSize): PatchGrid {
  return { patch, rows: Math.floor(height / patch), columns: Math.floor(width / patch) };
}

/** Heads of every layer, by ViT's field names. */
export function vitHeads(config: ModelConfig): WholeHeads {
  const heads = config.size('num_attention_heads', 12);
  const headSize = headSizeOf(config, config.size('hidden_size', 768, MOST.width), heads);
  if (config.size('head_dim', headSize) !== headSize)
    config.unsupported(`head_dim is ${config.size('head_dim')}: heads that do not make up the hidden size`);
  return { heads, headSize };
}
