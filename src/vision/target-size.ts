import type { PictureSize, TargetSize } from './types.js';

/**
 * The size that a picture is resampled to, rounded as transformers rounds it: `get_resize_output_image_size`,
 * `get_size_with_aspect_ratio` and `get_image_size_for_max_height_width`. Edges of very thin pictures may
 * become 0.
 */
export function targetSize({ width, height }: PictureSize, to: TargetSize): PictureSize {
  if ('width' in to) return to;
  if ('maxWidth' in to) {
    const scale = Math.min(to.maxHeight / height, to.maxWidth / width);
    return { width: Math.trunc(width * scale), height: Math.trunc(height * scale) };
  }
  const { shortest, longest } = to;
  if (longest === undefined) return withShortest(width, height, shortest, shortest);
  const [short, long] = [Math.min(width, height), Math.max(width, height)];
  const exact = (long / short) * shortest > longest ? (longest * short) / long : shortest;
  const rounded = roundHalfEven(exact);
  return short === rounded ? { width, height } : withShortest(width, height, rounded, exact);
}

/** @param exact the shorter edge before rounding, which the longer one is computed of. */
function withShortest(width: number, height: number, shortest: number, exact: number): PictureSize {
  return width <= height
    ? { width: shortest, height: Math.trunc((exact * height) / width) }
    : { width: Math.trunc((exact * width) / height), height: shortest };
}

/** Rounds as Python does: halves to the even neighbour. */
function roundHalfEven(x: number): number {
  const below = Math.floor(x);
  if (x - below !== 0.5) return Math.round(x);
  return below % 2 === 0 ? below : below + 1;
}
