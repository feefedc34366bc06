import { KvasirError } from '#errors.js';
import { decode } from './decode.js';
import { preprocess } from './preprocess.js';
import type { Picture, PictureLimits, Preprocessing } from './types.js';

/** What a thread does. */
export interface PictureJob {
  readonly file: Uint8Array;
  readonly preprocessing: Pick<Preprocessing, 'background' | 'resize' | 'crop'>;
  readonly limits: PictureLimits;
  readonly param: string;
}

/** What comes back: errors lose their class on the way between threads. */
export type PictureResult = Picture | { readonly refusal: string };

/** Decodes a picture and makes it what a model reads. */
export default async function read(job: PictureJob): Promise<PictureResult> {
  const { file, preprocessing, limits, param } = job;
  try {
    return preprocess(await decode(file, limits, preprocessing.background, param), preprocessing, param);
  } catch (error) {
    if (error instanceof KvasirError && error.code === 'invalid_request') return { refusal: error.message };
    throw error;
  }
}
