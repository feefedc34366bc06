import { mkdir, open, readFile, rm, stat, utimes } from 'node:fs/promises';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { isGone, OWNER } from '#owner.js';
import { storing } from '#storage.js';

/** Whoever holds a lock touches it this often; one that was not touched for three times as long is nobody's. Milliseconds. */
const HEARTBEAT = 5000;
const POLL = 200;

/**
 * Runs a task while no other process runs one under the same lock file. It saves work, nothing more: a lock that is taken away from a
 * process that only slept does no harm, since files are written at their place, checked, and renamed.
 *
 * @param onWait called once where somebody else holds it.
 */
export async function withLock<T>(file: string, onWait: () => void, task: () => Promise<T>): Promise<T> {
  await storing(file, () => mkdir(path.dirname(file), { recursive: true }));
  for (let waited = false; !(await acquire(file)); waited = true) {
    if (!waited) onWait();
    if (await isAbandoned(file)) await rm(file, { force: true });
    else await sleep(POLL);
  }
  const heartbeat = setInterval(() => {
    const now = new Date();
    utimes(file, now, now).catch(() => undefined);
  }, HEARTBEAT);
  heartbeat.unref();
  try {
    return await task();
  } finally {
    clearInterval(heartbeat);
    await rm(file, { force: true });
  }
}

/** Makes the file, with the process that holds it inside; false where it exists. */
async function acquire(file: string): Promise<boolean> {
  return storing(file, async () => {
    try {
      const handle = await open(file, 'wx');
      await handle.writeFile(OWNER).finally(() => handle.close());
      return true;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
      throw error;
    }
  });
}

async function isAbandoned(file: string): Promise<boolean> {
  const found = await stat(file).catch(() => undefined);
  if (found === undefined) return false;
  if (Date.now() - found.mtimeMs > 3 * HEARTBEAT) return true;
  return isGone(await readFile(file, 'utf8').catch(() => ''));
}
