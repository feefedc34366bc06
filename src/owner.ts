import { createHash } from 'node:crypto';
import { readlinkSync } from 'node:fs';
import { hostname } from 'node:os';

/**
 * Where process ids mean the same: a machine, or a container's namespace of processes in it. Containers may
 * share a disk, and even a host name.
 */
const NAMESPACE = createHash('sha256')
  .update(`${hostname()} ${processNamespace()}`)
  .digest('hex')
  .slice(0, 12);

/** This process, as it signs what it has on disk while it works on it: `4711@f0e1d2c3b4a5`. */
export const OWNER = `${process.pid}@${NAMESPACE}`;

/**
 * Tells that the process which signed something is certainly gone; of processes elsewhere nothing is known.
 *
 * @param owner an {@link OWNER} of some process.
 */
export function isGone(owner: string): boolean {
  const [pid, namespace] = owner.split('@');
  return namespace === NAMESPACE && !isAlive(Number(pid));
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    // Another user's process is alive too.
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}

function processNamespace(): string {
  try {
    return readlinkSync('/proc/self/ns/pid');
  } catch {
    return '';
  }
}
