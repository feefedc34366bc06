import { readdir, rm, stat } from 'node:fs/promises';
import path from 'node:path';

const HOUR = 3600 * 1000;
/** Small files are written beside their place and renamed at once. */
const FRESH = /\.[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;
/** A download that broke off can go on for so long; one under way is touched all the time. */
const INCOMPLETE_MS = 7 * 24 * HOUR;

/**
 * Removes what killed processes have left in a model's folder of the cache: files that were to be renamed,
 * and downloads that nobody went on with for a week.
 */
export async function sweepLeftovers(folder: string): Promise<void> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true }).catch(() => []);
  for (const entry of entries) {
    const limit = FRESH.test(entry.name)
      ? HOUR
      : entry.name.endsWith('.incomplete')
        ? INCOMPLETE_MS
        : Infinity;
    if (!entry.isFile() || limit === Infinity) continue;
    const file = path.join(entry.parentPath, entry.name);
    const touched = (await stat(file).catch(() => undefined))?.mtimeMs ?? Infinity;
    if (Date.now() - touched > limit) await rm(file, { force: true }).catch(() => undefined);
  }
}
