import { statfs } from 'node:fs/promises';
import { homedir } from 'node:os';
import path from 'node:path';
import { formatBytes } from '#bytes.js';
import { KvasirError } from '#errors.js';

/**
 * Kvasir's folder in the user's cache, by the XDG Base Directory Specification: an empty variable counts as
 * not set.
 */
export function userCache(): string {
  return path.join(process.env.XDG_CACHE_HOME || path.join(homedir(), '.cache'), 'kvasir');
}

/**
 * Runs a function that writes to a file, and turns a failure of the disk into a plain error.
 *
 * @throws KvasirError `storage_full`, or `invalid_configuration` where the place cannot be written to
 */
export async function storing<T>(file: string, write: () => Promise<T>): Promise<T> {
  try {
    return await write();
  } catch (cause) {
    const { code, message } = cause as NodeJS.ErrnoException;
    if (code === 'ENOSPC' || code === 'EDQUOT' || code === 'EFBIG')
      throw new KvasirError('storage_full', `no space is left for ${file}`, { cause });
    if (code === 'EACCES' || code === 'EPERM' || code === 'EROFS' || code === 'ENOTDIR' || code === 'EEXIST')
      throw new KvasirError('invalid_configuration', `${file} cannot be written: ${message}`, { cause });
    throw cause;
  }
}

/**
 * Checks beforehand that a folder's disk has room for so many more bytes.
 *
 * @throws KvasirError `storage_full`
 */
export async function requireSpace(folder: string, bytes: number): Promise<void> {
  const disk = await statfs(folder).catch(() => undefined);
  // Some network file systems do not tell.
  if (disk === undefined || disk.blocks === 0) return;
  const free = disk.bavail * disk.bsize;
  if (bytes > free)
    throw new KvasirError(
      'storage_full',
      `${formatBytes(bytes)} are to be written, but the disk of ${path.resolve(folder)} has ${formatBytes(free)} left`,
    );
}
