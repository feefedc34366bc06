import { KvasirError } from '#errors.js';
import { OrtError, type Device } from '#runtime/index.js';
import { graphRefused } from '../open-session.js';

/** What to say of an error, which may be for want of memory. */
export function doesNotFit(
  folder: string,
  device: Device,
  cause: unknown,
  cache: string,
  remedy: string,
): unknown {
  if (cause instanceof OrtError) return graphRefused(cause, folder, device);
  if (!(cause instanceof KvasirError) || cause.code !== 'runtime_failure') return cause;
  const message = `${folder}: ${cache} do not fit ${device.name}: ${cause.message.trim()}; set ${remedy}`;
  return new KvasirError('runtime_failure', message, { cause });
}
