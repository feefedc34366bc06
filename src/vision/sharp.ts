import type Sharp from 'sharp';
import { KvasirError } from '#errors.js';

/** What opens files: all else that libvips has is shut, whatever a file begins with. */
const LOADERS = ['Jpeg', 'Png', 'Webp', 'Nsgif', 'Tiff', 'Heif'].map(name => `VipsForeignLoad${name}Buffer`);

let loading: Promise<typeof Sharp> | undefined;

/**
 * The package `sharp`, an optional dependency, loaded when it is first needed and set up for a server: one
 * thread a picture, nothing kept. The thread of the event loop has to load it before others do.
 *
 * @throws KvasirError `runtime_unavailable` where it is not installed, or does not load
 */
export function loadSharp(): Promise<typeof Sharp> {
  loading ??= load();
  return loading;
}

async function load(): Promise<typeof Sharp> {
  let sharp: typeof Sharp;
  try {
    sharp = (await import('sharp')).default;
  } catch (cause) {
    throw new KvasirError(
      'runtime_unavailable',
      `pictures are read by the optional package sharp, which cannot be loaded (npm install sharp): ${(cause as Error).message.split('\n', 1)[0]}`,
      { cause },
    );
  }
  sharp.cache(false);
  sharp.concurrency(1);
  sharp.block({ operation: ['VipsForeignLoad'] });
  sharp.unblock({ operation: LOADERS });
  return sharp;
}
