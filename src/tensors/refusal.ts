import { KvasirError } from '#errors.js';

/**
 * Refuses a part of a request.
 *
 * @throws KvasirError `invalid_request`
 */
export function refuse(message: string, param = 'inputs'): never {
  throw new KvasirError('invalid_request', message, { param });
}
