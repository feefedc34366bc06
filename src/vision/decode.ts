import type { Sharp } from 'sharp';
import { invalidRequest } from '#errors.js';
import { fromInks, onWhite } from './channels.js';
import { FORM_NAMES, pictureForm, type PictureForm } from './picture-form.js';
import { loadSharp } from './sharp.js';
import type { Picture, PictureLimits, Preprocessing } from './types.js';

/** Seconds that libvips may take for one file. */
const LONGEST_DECODING = 20;

/**
 * Refuses what is not to be decoded by the file's length and first bytes.
 *
 * @param param the request's field, for errors.
 * @throws KvasirError `invalid_request`
 */
export function checkFile(file: Uint8Array, { maxBytes }: PictureLimits, param: string): PictureForm {
  if (file.byteLength > maxBytes)
    throw invalidRequest(param, `a picture of ${file.byteLength} bytes: no more than ${maxBytes} are read`);
  const form = pictureForm(file);
  if (form === undefined)
    throw invalidRequest(param, `no picture: ${Object.values(FORM_NAMES).join(', ')} are read`);
  return form;
}

/**
 * The pixels of a file, upright (by its EXIF orientation), byte for byte as PIL's `convert('RGB')` gives them:
 * the first one of several pictures, colour profiles left aside, inks without colour management. Other than
 * there, 16 bits become 8 by their upper half (PIL clips grey ones).
 *
 * @param background see {@link Preprocessing.background}.
 * @param param the request's field, for errors.
 * @throws KvasirError `invalid_request` where the file is broken, cut, of no known form or too large;
 * `runtime_unavailable`
 */
export async function decode(
  file: Uint8Array,
  limits: PictureLimits,
  background: Preprocessing['background'],
  param: string,
): Promise<Picture> {
  const form = checkFile(file, limits, param);
  const sharp = await loadSharp();
  const source = sharp(file, {
    failOn: 'error',
    limitInputPixels: limits.maxPixels,
    ignoreIcc: true,
    pages: 1,
  });
  const { width, height, space } = await unlessBroken(source.metadata(), form, param);
  if (width * height > limits.maxPixels)
    throw invalidRequest(
      param,
      `a picture of ${width}x${height} pixels: no more than ${limits.maxPixels} in all are read`,
    );
  const upright = source.autoOrient().timeout({ seconds: LONGEST_DECODING });
  const isInk = space === 'cmyk';
  const isSeenThrough = !isInk && background === 'white';
  const { data, info } = await unlessBroken(
    channelsOf(upright, isInk, isSeenThrough).raw().toBuffer({ resolveWithObject: true }),
    form,
    param,
  );
  return {
    width: info.width,
    height: info.height,
    pixels: isInk ? fromInks(data) : info.channels === 4 ? onWhite(data) : data,
  };
}

function channelsOf(picture: Sharp, isInk: boolean, isSeenThrough: boolean): Sharp {
  if (isInk) return picture.pipelineColourspace('cmyk').toColourspace('cmyk').removeAlpha();
  const colours = picture.toColourspace('srgb');
  return isSeenThrough ? colours : colours.removeAlpha();
}

async function unlessBroken<T>(read: Promise<T>, form: PictureForm, param: string): Promise<T> {
  try {
    return await read;
  } catch (error) {
    const { message } = error as Error;
    const why = /pixel limit/i.test(message)
      ? 'has too many pixels'
      : /timeout/i.test(message)
        ? `takes more than ${LONGEST_DECODING} seconds`
        : 'is broken, or not all there';
    throw invalidRequest(param, `this ${FORM_NAMES[form]} picture ${why}`);
  }
}
