import { isTokenIds } from '#api/encoding/inputs.js';
import type { InputSource } from '#api/pictures/picture-source.js';
import { invalidRequest } from '#errors.js';
import { readItem, readMessages, type InputItem } from '#routes/shared/input-items.js';
import type { RequestPictures } from '#routes/shared/request-pictures.js';
import type { EmbeddingsRequest } from './schema.js';

/**
 * Texts, token ids and pictures: one or several, in a list in any order.
 *
 * @throws KvasirError `invalid_request`
 */
export function readInputs(
  { input = null, messages = null }: Pick<EmbeddingsRequest, 'input' | 'messages'>,
  pictures: RequestPictures,
): InputSource[] {
  if (messages !== null) {
    if (input !== null) throw invalidRequest('messages', 'messages cannot stand beside input');
    return [readMessages(messages, pictures)];
  }
  if (input === null) throw invalidRequest('input', 'input is required');
  const read = (param: string, one: string | readonly number[] | InputItem): InputSource => {
    if (typeof one === 'string') return { param, text: one };
    return isList(one) ? { param, ids: one } : readItem(param, one, pictures);
  };
  if (!Array.isArray(input) || isTokenIds(input)) return [read('input', input)];
  return input.map((one, index) => read(`input[${index}]`, one));
}

function isList(input: unknown): input is readonly number[] {
  return Array.isArray(input);
}
