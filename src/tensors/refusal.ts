import { invalidRequest } from '#errors.js';

/**
 * Refuses a part of a request.
 *
 * @throws KvasirError `invalid_request`
 */
export function refuse(message: string, param = 'inputs'): never {
  throw invalidRequest(param, message);
}
