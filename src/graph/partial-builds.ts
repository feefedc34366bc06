import { randomUUID } from 'node:crypto';
import { readdir, rm, stat } from 'node:fs/promises';
import path from 'node:path';
import { isGone, OWNER } from '#owner.js';

const PREFIX = 'partial-';
/** A build by a process of which nothing is known is given up when it was not touched for so long. */
const ABANDONED_MS = 24 * 3600 * 1000;

/** Those of this process that are under way. An earlier process may have had its id. */
const active = new Set<string>();

/**
 * Runs a task with the name of a folder that is being filled.
 *
 * @param parent the folder of all builds.
 */
export async function withPartial<T>(parent: string, task: (folder: string) => Promise<T>): Promise<T> {
  const name = `${PREFIX}${OWNER}-${randomUUID()}`;
  active.add(name);
  try {
    return await task(path.join(parent, name));
  } finally {
    active.delete(name);
  }
}

/** Removes what processes that were killed have left half done. What cannot be removed stays. */
export async function sweepPartials(parent: string): Promise<void> {
  for (const name of await readdir(parent).catch(() => [])) {
    const folder = path.join(parent, name);
    if (name.startsWith(PREFIX) && (await isAbandoned(folder, name)))
      await rm(folder, { recursive: true, force: true }).catch(() => undefined);
  }
}

async function isAbandoned(folder: string, name: string): Promise<boolean> {
  if (active.has(name)) return false;
  const [owner] = name.slice(PREFIX.length).split('-');
  if (owner === OWNER || isGone(owner!)) return true;
  const touched = (await stat(folder).catch(() => undefined))?.mtimeMs ?? Infinity;
  return Date.now() - touched > ABANDONED_MS;
}
