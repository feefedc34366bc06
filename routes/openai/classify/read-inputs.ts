import type { InputSource } from '#api/pictures/picture-source.js';
import { invalidRequest } from '#errors.js';
import { readItem } from '#routes/shared/input-items.js';
import { readInputs } from '#routes/shared/read-inputs.js';
import type { RequestPictures } from '#routes/shared/request-pictures.js';
import type { ClassifyItem, ClassifyRequest } from './schema.js';

/**
 * Texts, pairs of texts, token ids and pictures: one or several.
 *
 * @throws KvasirError `invalid_request`
 */
export function readClassifyInputs(request: ClassifyRequest, pictures: RequestPictures): InputSource[] {
  return readInputs<ClassifyItem>(request, pictures, (param, item) => {
    const source = readItem(param, item, pictures);
    const pair = item.text_pair ?? undefined;
    if (pair === undefined) return source;
    if (!('text' in source))
      throw invalidRequest(`${param}.text_pair`, `${param}.text_pair: a picture has no second text`);
    return { ...source, pair };
  });
}
