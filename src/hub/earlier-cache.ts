import { copyFile, mkdir, rename, rm, stat } from 'node:fs/promises';
import path from 'node:path';
import { storing, userCache } from '#storage.js';

/**
 * Where Kvasir 0.1 kept a model, in a layout of its own: `models/<owner>--<name>` in `KVASIR_HOME` or its folder of
 * the user's cache. Its `blobs/` have the names and contents that Hugging Face's cache gives them.
 *
 * @returns undefined where there is none.
 */
export async function earlierFolder(repo: string): Promise<string | undefined> {
  const folder = path.join(process.env.KVASIR_HOME || userCache(), 'models', repo.replace('/', '--'));
  return (await stat(folder).catch(() => undefined))?.isDirectory() ? folder : undefined;
}

/**
 * Moves a blob from there, as far as it is there.
 *
 * @param size bytes that it must have.
 * @param blob where it shall be.
 * @returns true if it was there.
 */
export async function moveBlob(folder: string, size: number, blob: string): Promise<boolean> {
  const earlier = path.join(folder, 'blobs', path.basename(blob));
  if ((await stat(earlier).catch(() => undefined))?.size !== size) return false;
  await storing(blob, async () => {
    await mkdir(path.dirname(blob), { recursive: true });
    await rename(earlier, blob).catch(async () => {
      // On another disk.
      await copyFile(earlier, `${blob}.incomplete`);
      await rename(`${blob}.incomplete`, blob);
      await rm(earlier, { force: true });
    });
  });
  return true;
}
