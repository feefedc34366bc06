import type { Source } from '#api/encoding/inputs.js';
import type { EmbeddingsRequest } from './schema.js';

/** The inputs of a request, in any of the forms that OpenAI allows. */
export function readInput(input: EmbeddingsRequest['input']): Source[] {
  if (typeof input === 'string') return [{ param: 'input', text: input }];
  if (isTokenIds(input)) return [{ param: 'input', ids: input }];
  return input.map((one, index) => {
    const param = `input[${index}]`;
    return typeof one === 'string' ? { param, text: one } : { param, ids: one };
  });
}

function isTokenIds(input: readonly (string | number | number[])[]): input is number[] {
  return typeof input[0] === 'number';
}
