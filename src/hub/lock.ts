import { mkdir, open, readFile, rm, stat, utimes } from 'node:fs/promises';
import { constants } from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import koffi, { type KoffiFunc } from 'koffi';
import { isGone, OWNER } from '#owner.js';
import { storing } from '#storage.js';

/**
 * The holder of a lock that is a mere file touches it this often, in milliseconds. One that was not touched for
 * three times as long belongs to nobody.
 */
const HEARTBEAT = 5000;
const POLL = 200;
/** flock(2): exclusive, without waiting. */
const LOCK_EX_NB = 2 | 4;

/** Ends a lock. */
type Release = () => Promise<void>;

/**
 * Runs a task while nobody else runs one under the same lock file: no other process of Kvasir, nor of Python's
 * huggingface_hub, whose locks are of the same kind (flock; the file stays). Where there are no such locks, on
 * Windows and some network disks, a file `<lock>.held` keeps other processes of Kvasir away.
 *
 * The lock only saves work: files are written elsewhere, checked, and renamed.
 *
 * @param onWait called once where somebody else holds it.
 */
export async function withLock<T>(file: string, onWait: () => void, task: () => Promise<T>): Promise<T> {
  await storing(file, () => mkdir(path.dirname(file), { recursive: true }));
  let release: Release | undefined;
  for (let waited = false; (release = await acquire(file)) === undefined; waited = true) {
    if (!waited) onWait();
    await sleep(POLL);
  }
  try {
    return await task();
  } finally {
    await release();
  }
}

/** Undefined while somebody else has it. */
async function acquire(file: string): Promise<Release | undefined> {
  const flock = findFlock();
  if (flock === undefined) return hold(`${file}.held`);
  const handle = await storing(file, () => open(file, 'a', 0o664));
  const outcome = flock(handle.fd, LOCK_EX_NB) === 0 ? 'locked' : koffi.errno();
  if (outcome === 'locked') return () => handle.close();
  await handle.close();
  return outcome === constants.errno.EWOULDBLOCK ? undefined : hold(`${file}.held`);
}

/** Creates the file, with the id of the process in it. Undefined if it exists, and somebody is behind it. */
async function hold(file: string): Promise<Release | undefined> {
  const created = await storing(file, async () => {
    try {
      const handle = await open(file, 'wx');
      await handle.writeFile(OWNER).finally(() => handle.close());
      return true;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
      throw error;
    }
  });
  if (!created) {
    if (await isAbandoned(file)) await rm(file, { force: true });
    return undefined;
  }
  const heartbeat = setInterval(() => {
    const now = new Date();
    utimes(file, now, now).catch(() => undefined);
  }, HEARTBEAT);
  heartbeat.unref();
  return async () => {
    clearInterval(heartbeat);
    await rm(file, { force: true });
  };
}

async function isAbandoned(file: string): Promise<boolean> {
  const found = await stat(file).catch(() => undefined);
  if (found === undefined) return false;
  if (Date.now() - found.mtimeMs > 3 * HEARTBEAT) return true;
  return isGone(await readFile(file, 'utf8').catch(() => ''));
}

type Flock = (fd: number, operation: number) => number;

let flock: KoffiFunc<Flock> | undefined;

/** The C library's flock(2), of the process itself; undefined on Windows. */
function findFlock(): Flock | undefined {
  if (process.platform !== 'win32')
    flock ??= koffi.load(null).func('int flock(int, int)') as KoffiFunc<Flock>;
  return flock;
}
