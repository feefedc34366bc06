import { KvasirError } from '#errors.js';

/**
 * The longest sequence: what was asked for, within what the model allows.
 *
 * @param most undefined: nothing says it.
 * @throws KvasirError `invalid_configuration`
 */
export function contextOf(folder: string, most: number | undefined, wanted: number | undefined): number {
  const length = wanted ?? most;
  if (length === undefined)
    throw new KvasirError(
      'invalid_configuration',
      `nothing in ${folder} says how long a sequence may be: set a context length`,
    );
  if (most !== undefined && length > most)
    throw new KvasirError(
      'invalid_configuration',
      `${folder}: a context of ${length} tokens was asked for, but the model's is ${most}`,
    );
  return length;
}
