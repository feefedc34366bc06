import type { Caller } from '#caller.js';
import type { Source } from '#text/inputs.js';
import type { Picture, Preprocessing } from '#vision/types.js';

/** A picture of a request. */
export interface PictureSource {
  /** The field that it comes from, such as `input[1].image`. */
  readonly param: string;
  /**
   * Its pixels as a model takes them.
   *
   * @throws KvasirError `invalid_request` naming the field, where there is no such picture, or it is broken or
   * too large; `cancelled`
   */
  readonly pixels: (preprocessing: Preprocessing, caller: Caller) => Promise<Picture>;
}

/** Something that a model reads in one go. */
export type InputSource = Source | PictureSource;

export function isPictureSource(source: InputSource): source is PictureSource {
  return 'pixels' in source;
}
