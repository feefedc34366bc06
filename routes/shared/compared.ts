import { Type, type Static } from 'typebox';
import { MAX_INPUTS } from '#api/encoding/inputs.js';
import type { PictureSource } from '#api/pictures/picture-source.js';
import type { TextSource } from '#text/inputs.js';
import { InputItem, readItem } from './input-items.js';
import type { RequestPictures } from './request-pictures.js';

/** A text, or a text or a picture as an object: what is compared with another. */
export const Compared = Type.Union([Type.String(), InputItem]);

export type Compared = Static<typeof Compared>;

/** One or several. */
export const ComparedList = Type.Union([
  Type.String(),
  InputItem,
  Type.Array(Compared, { minItems: 1, maxItems: MAX_INPUTS }),
]);

/** @throws KvasirError `invalid_request` */
export function readCompared(
  param: string,
  item: Compared,
  pictures: RequestPictures,
): TextSource | PictureSource {
  return typeof item === 'string' ? { param, text: item } : readItem(param, item, pictures);
}
