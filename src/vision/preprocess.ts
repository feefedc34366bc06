import { invalidRequest } from '#errors.js';
import { cut, resample } from './resample.js';
import { targetSize } from './target-size.js';
import type { Picture, PictureSize, Preprocessing } from './types.js';

/** Longer edges are made of nothing but lines: a thin picture is not enlarged to them. */
const LONGEST_EDGE = 65_535;

/**
 * The pixels that a model reads: resampled, then cut out of the middle, byte for byte as transformers' processors
 * on PIL give them before they scale.
 *
 * @param param the request's field, for errors.
 * @throws KvasirError `invalid_request` where the picture is too thin for the size that it should get
 */
export function preprocess(
  picture: Picture,
  { resize, crop }: Pick<Preprocessing, 'resize' | 'crop'>,
  param: string,
): Picture {
  const size = resize === undefined ? picture : targetSize(picture, resize.to);
  if (Math.min(size.width, size.height) < 1 || Math.max(size.width, size.height) > LONGEST_EDGE)
    throw invalidRequest(
      param,
      `a picture of ${picture.width}x${picture.height} pixels is too thin for this model`,
    );
  const columns = middle(size.width, crop?.width);
  const rows = middle(size.height, crop?.height);
  const part = { left: columns.from, top: rows.from, width: columns.count, height: rows.count };
  const seen = resize === undefined ? cut(picture, part) : resample(picture, size, resize.filter, part);
  return crop === undefined ? seen : onBlack(seen, crop, columns.at, rows.at);
}

interface Placed {
  /** First pixel that is taken. */
  readonly from: number;
  readonly count: number;
  /** Where it stands in the result. */
  readonly at: number;
}

/** The middle of a line of pixels; where it is shorter than what is wanted, all of it stands in the middle. */
function middle(length: number, wanted = length): Placed {
  return wanted <= length
    ? { from: Math.floor((length - wanted) / 2), count: wanted, at: 0 }
    : { from: 0, count: length, at: Math.ceil((wanted - length) / 2) };
}

function onBlack(picture: Picture, size: PictureSize, left: number, top: number): Picture {
  if (picture.width === size.width && picture.height === size.height) return picture;
  const pixels = new Uint8Array(size.width * size.height * 3);
  const row = picture.width * 3;
  for (let y = 0; y < picture.height; y++)
    pixels.set(picture.pixels.subarray(y * row, (y + 1) * row), ((top + y) * size.width + left) * 3);
  return { ...size, pixels };
}
