import type { Caller } from '#caller.js';
import type { Picture, Preprocessing } from '#vision/types.js';
import type { PictureSource } from './picture-source.js';

/** Pictures of one request that are loaded and read at once: their files and pixels are in memory together. */
const AT_ONCE = 8;

/**
 * The pixels of a request's pictures, in order. What is under way is given up when one of them fails.
 *
 * @throws KvasirError as {@link PictureSource.pixels}
 */
export async function readPictures(
  sources: readonly PictureSource[],
  preprocessing: Preprocessing,
  { client, signal }: Caller,
): Promise<Picture[]> {
  const failed = new AbortController();
  const caller = { client, signal: AbortSignal.any([signal, failed.signal]) };
  const pictures = new Array<Picture>(sources.length);
  const waiting = sources.entries();
  const read = async (): Promise<void> => {
    for (const [index, source] of waiting) pictures[index] = await source.pixels(preprocessing, caller);
  };
  try {
    await Promise.all(Array.from({ length: Math.min(AT_ONCE, sources.length) }, read));
  } catch (error) {
    failed.abort();
    throw error;
  }
  return pictures;
}
