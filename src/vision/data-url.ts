import { invalidRequest } from '#errors.js';

/** Media type and parameters are not longer. */
const LONGEST_HEAD = 256;

/**
 * The bytes of a `data:` address (RFC 2397) that holds a picture in base64.
 *
 * @param param the request's field, for errors.
 * @param maxBytes more are refused before they are decoded.
 * @throws KvasirError `invalid_request`
 */
export function readDataUrl(address: string, param: string, maxBytes: number): Buffer {
  const head = /^data:([^,]*),/i.exec(address.slice(0, LONGEST_HEAD));
  if (head === null) throw invalidRequest(param, 'this data: address has no comma before its data');
  const [type, ...parameters] = head[1]!.toLowerCase().split(';');
  if (parameters.at(-1)?.trim() !== 'base64')
    throw invalidRequest(param, 'the data of a data: address have to be in base64');
  if (type !== '' && type !== 'application/octet-stream' && !type!.startsWith('image/'))
    throw invalidRequest(param, `this data: address is of the type ${type}, no picture`);
  return readBase64(address.slice(head[0].length), param, maxBytes);
}

/**
 * The bytes of base64 (RFC 4648, section 4): with its padding, nothing in between, no bits left over.
 *
 * @param param the request's field, for errors.
 * @param maxBytes more are refused before they are decoded.
 * @throws KvasirError `invalid_request`
 */
export function readBase64(text: string, param: string, maxBytes: number): Buffer {
  if ((text.length / 4) * 3 - 2 > maxBytes)
    throw invalidRequest(param, `more than ${maxBytes} bytes are not read`);
  const bytes = Buffer.from(text, 'base64');
  if (bytes.length === 0 || bytes.toString('base64') !== text)
    throw invalidRequest(param, 'this is not base64, as RFC 4648 has it');
  return bytes;
}
