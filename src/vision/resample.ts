import { makeKernel, WEIGHT_BITS, type Kernel } from './resampling-filters.js';
import type { Picture, PictureSize, ResamplingFilter } from './types.js';

/** A part of a picture, in pixels. */
export interface Region extends PictureSize {
  readonly left: number;
  readonly top: number;
}

/** Half of a level, in the fixed point of weights. */
const HALF = 1 << (WEIGHT_BITS - 1);

/**
 * A part of what a picture is in another size: every byte is PIL's, `Image.resize(size, filter)`, whatever
 * part is asked for. Rows and columns are resampled one after the other, and rounded to bytes in between.
 *
 * @param part within `size`; undefined: all of it. No more is computed than that.
 */
export function resample(
  source: Picture,
  size: PictureSize,
  filter: ResamplingFilter,
  part: Region = { left: 0, top: 0, ...size },
): Picture {
  if (source.width === size.width && source.height === size.height) return cut(source, part);
  if (filter === 'nearest') return pickNearest(source, size, part);
  const across = axis(filter, source.width, size.width, part.left, part.width);
  const down = axis(filter, source.height, size.height, part.top, part.height);
  const needed = cut(source, {
    left: across.first,
    top: down.first,
    width: across.count,
    height: down.count,
  });
  return isFirstDown(source, size)
    ? resampleRows(resampleColumns(needed, down.kernel), across.kernel)
    : resampleColumns(resampleRows(needed, across.kernel), down.kernel);
}

/** Whether columns are resampled before rows: Pillow's rule since 13.0; before, rows always came first. */
function isFirstDown(from: PictureSize, to: PictureSize): boolean {
  return to.height < from.height && from.height - to.height > 2 * (from.width - to.width);
}

/** One direction of a resampling: the pixels of the source that count, and how; no kernel: as they are. */
interface Axis {
  readonly first: number;
  readonly count: number;
  readonly kernel: Kernel | undefined;
}

function axis(
  filter: Exclude<ResamplingFilter, 'nearest'>,
  from: number,
  to: number,
  first: number,
  count: number,
): Axis {
  if (from === to) return { first, count, kernel: undefined };
  const kernel = makeKernel(filter, from, to, first, count);
  const begin = kernel.begins[0]!;
  const end = kernel.begins[count - 1]! + kernel.counts[count - 1]!;
  return {
    first: begin,
    count: end - begin,
    kernel: { ...kernel, begins: kernel.begins.map(at => at - begin) },
  };
}

/** A part of a picture as it is: not copied where it holds whole rows. */
export function cut({ width, pixels }: Picture, part: Region): Picture {
  const row = part.width * 3;
  const at = (y: number): number => ((part.top + y) * width + part.left) * 3;
  if (part.width === width)
    return { width, height: part.height, pixels: pixels.subarray(at(0), at(part.height)) };
  const result = new Uint8Array(row * part.height);
  for (let y = 0; y < part.height; y++) result.set(pixels.subarray(at(y), at(y) + row), y * row);
  return { width: part.width, height: part.height, pixels: result };
}

function resampleRows(picture: Picture, kernel: Kernel | undefined): Picture {
  if (kernel === undefined) return picture;
  const { width: from, height, pixels } = picture;
  const { begins, counts, stride } = kernel;
  const width = begins.length;
  const result = new Uint8ClampedArray(width * height * 3);
  for (let y = 0, to = 0; y < height; y++)
    for (let x = 0; x < width; x++, to += 3)
      weigh(pixels, (y * from + begins[x]!) * 3, 3, kernel, x * stride, counts[x]!, result, to);
  return { width, height, pixels: new Uint8Array(result.buffer) };
}

function resampleColumns(picture: Picture, kernel: Kernel | undefined): Picture {
  if (kernel === undefined) return picture;
  const { width, pixels } = picture;
  const { begins, counts, stride } = kernel;
  const height = begins.length;
  const row = width * 3;
  const result = new Uint8ClampedArray(row * height);
  for (let y = 0, to = 0; y < height; y++)
    for (let x = 0; x < row; x += 3, to += 3)
      weigh(pixels, begins[y]! * row + x, row, kernel, y * stride, counts[y]!, result, to);
  return { width, height, pixels: new Uint8Array(result.buffer) };
}

/**
 * Writes one pixel: the sum of `count` ones, from `from` on in steps of `step` bytes, each times its weight.
 *
 * @param result clips what is assigned to it to 0 .. 255.
 */
function weigh(
  pixels: Uint8Array,
  from: number,
  step: number,
  { weights }: Kernel,
  first: number,
  count: number,
  result: Uint8ClampedArray,
  to: number,
): void {
  let red = HALF;
  let green = HALF;
  let blue = HALF;
  let at = from;
  const end = first + count;
  for (let k = first; k < end; k++) {
    const weight = weights[k]!;
    red = (red + Math.imul(pixels[at]!, weight)) | 0;
    green = (green + Math.imul(pixels[at + 1]!, weight)) | 0;
    blue = (blue + Math.imul(pixels[at + 2]!, weight)) | 0;
    at += step;
  }
  result[to] = red >> WEIGHT_BITS;
  result[to + 1] = green >> WEIGHT_BITS;
  result[to + 2] = blue >> WEIGHT_BITS;
}

function pickNearest(source: Picture, size: PictureSize, part: Region): Picture {
  const columns = nearest(source.width, size.width, part.left, part.width);
  const rows = nearest(source.height, size.height, part.top, part.height);
  const pixels = new Uint8Array(part.width * part.height * 3);
  let to = 0;
  for (const y of rows)
    for (const x of columns) {
      const at = (y * source.width + x) * 3;
      pixels[to] = source.pixels[at]!;
      pixels[to + 1] = source.pixels[at + 1]!;
      pixels[to + 2] = source.pixels[at + 2]!;
      to += 3;
    }
  return { width: part.width, height: part.height, pixels };
}

/** The pixels of the source that are taken. Steps are summed up, as PIL does, with what rounding makes of it. */
function nearest(from: number, to: number, first: number, count: number): Int32Array {
  const step = from / to;
  const places = new Int32Array(count);
  let at = step * 0.5;
  for (let i = 0; i < first + count; i++, at += step)
    if (i >= first) places[i - first] = Math.min(from - 1, Math.trunc(at));
  return places;
}
