import { mkdir, open, readFile, rm, stat, utimes } from 'node:fs/promises';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { isGone, OWNER } from '#owner.js';
import { storing } from '#storage.js';

/**
 * The holder of a lock touches it this often, in milliseconds. A lock that was not touched for three times as
 * long belongs to nobody.
 */
const HEARTBEAT = 5000;
const POLL = 200;

/**
 * Runs a task while no other process runs one under the same lock file. The lock only saves work: if it is
 * taken from a process that was merely asleep, no harm is done, since files are written elsewhere, checked,
 * and renamed.
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

/** Creates the file, with the id of the process in it. False if it exists. */
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
