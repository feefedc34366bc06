import { isTokenIds } from '#api/encoding/inputs.js';
import type { InputSource } from '#api/pictures/picture-source.js';
import { invalidRequest } from '#errors.js';
import { readItem, readMessages } from '#routes/shared/input-items.js';
import type { RequestPictures } from '#routes/shared/request-pictures.js';
import type { ClassifyItem, ClassifyRequest } from './schema.js';

/**
 * Texts, pairs of texts, token ids and pictures: one or several.
 *
 * @throws KvasirError `invalid_request`
 */
export function readInputs(
  { input = null, messages = null }: ClassifyRequest,
  pictures: RequestPictures,
): InputSource[] {
  if (messages !== null) {
    if (input !== null) throw invalidRequest('messages', 'messages cannot stand beside input');
    return [readMessages(messages, pictures)];
  }
  if (input === null) throw invalidRequest('input', 'input is required');
  const read = (param: string, one: string | readonly number[] | ClassifyItem): InputSource => {
    if (typeof one === 'string') return { param, text: one };
    if (isList(one)) return { param, ids: one };
    const source = readItem(param, one, pictures);
    const pair = one.text_pair ?? undefined;
    if (pair === undefined) return source;
    if (!('text' in source))
      throw invalidRequest(`${param}.text_pair`, `${param}.text_pair: a picture has no second text`);
    return { ...source, pair };
  };
  if (!Array.isArray(input) || isTokenIds(input)) return [read('input', input)];
  return input.map((one, index) => read(`input[${index}]`, one));
}

function isList(input: unknown): input is readonly number[] {
  return Array.isArray(input);
}
