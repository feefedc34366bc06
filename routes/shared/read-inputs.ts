import { isTokenIds } from '#api/encoding/inputs.js';
import type { InputSource } from '#api/pictures/picture-source.js';
import { invalidRequest } from '#errors.js';
import { readItem, readMessages, type InputItem } from './input-items.js';
import type { RequestPictures } from './request-pictures.js';

/** A text, the token ids of one, or an object that tells more of it. */
type Input<T> = string | readonly number[] | T;

/** The fields of a request that say what it is about. */
export interface InputFields<T> {
  readonly input?: Input<T> | readonly Input<T>[] | null | undefined;
  readonly messages?: readonly Pick<InputItem, 'content'>[] | null | undefined;
}

/**
 * Texts, token ids and pictures: one or several, in a list in any order.
 *
 * @param read what an object comes to; by default a text or a picture.
 * @throws KvasirError `invalid_request`
 */
export function readInputs<T extends InputItem>(
  { input = null, messages = null }: InputFields<T>,
  pictures: RequestPictures,
  read: (param: string, item: T) => InputSource = (param, item) => readItem(param, item, pictures),
): InputSource[] {
  if (messages !== null) {
    if (input !== null) throw invalidRequest('messages', 'messages cannot stand beside input');
    return [readMessages(messages, pictures)];
  }
  if (input === null) throw invalidRequest('input', 'input is required');
  const readOne = (param: string, one: Input<T>): InputSource => {
    if (typeof one === 'string') return { param, text: one };
    return isList(one) ? { param, ids: one } : read(param, one);
  };
  if (!isList(input) || isTokenIds(input)) return [readOne('input', input)];
  return input.map((one, index) => readOne(`input[${index}]`, one));
}

function isList<T>(input: Input<T> | readonly Input<T>[]): input is readonly number[] | readonly Input<T>[] {
  return Array.isArray(input);
}
