import { readFileSync } from 'node:fs';
import { totalmem } from 'node:os';
import path from 'node:path';

/**
 * Kept for all but weights and caches: the process itself, runs under way, requests; and a part of what there
 * is.
 */
const RESERVE = 256 * 2 ** 20;
const RESERVED_PART = 1 / 16;

/** What of a machine's or a container's memory is spoken for. All in bytes. */
export interface MemoryUse {
  /** What the process may take, see {@link memoryLimit}. */
  readonly memory: number;
  /** Weights of all models that are served, loaded or not. */
  readonly weights: number;
  /** Caches whose size is set. */
  readonly caches: number;
  /** Models whose caches share what is left. */
  readonly models: number;
}

/** Bytes that the KV cache of one model may take where no setting says it; 0 where nothing is left. */
export function cacheShare({ memory, weights, caches, models }: MemoryUse): number {
  const left = memory * (1 - RESERVED_PART) - RESERVE - weights - caches;
  return Math.max(0, Math.floor(left / Math.max(1, models)));
}

/**
 * Bytes of memory that this process may take: the machine's, or less where a control group of Linux limits
 * it, as containers do. Groups lie within each other, and each may have a limit. Version 2 has it in
 * `memory.max` (https://docs.kernel.org/admin-guide/cgroup-v2.html), version 1 in `memory.limit_in_bytes`.
 *
 * @param total the machine's.
 * @param read gives a file's text, or throws.
 */
export function memoryLimit(total = totalmem(), read = (file: string) => readFileSync(file, 'utf8')): number {
  const textOf = (file: string): string => {
    try {
      return read(file);
    } catch {
      return '';
    }
  };
  let limit = total;
  for (const file of limitFiles(textOf('/proc/self/cgroup'))) {
    const bytes = Number(textOf(file).trim() || NaN);
    // 'max' is no number; version 1 has one beyond all machines instead.
    if (bytes > 0) limit = Math.min(limit, bytes);
  }
  return limit;
}

/** @param groups lines `id:controllers:path`, where version 2 has no controllers. */
function limitFiles(groups: string): string[] {
  const files: string[] = [];
  for (const line of groups.split('\n')) {
    const [, controllers, group] = /^\d+:([^:]*):(\/.*)$/.exec(line) ?? [];
    if (controllers === undefined || group === undefined) continue;
    const isUnified = controllers === '';
    if (!isUnified && !controllers.split(',').includes('memory')) continue;
    const root = isUnified ? '/sys/fs/cgroup' : '/sys/fs/cgroup/memory';
    const name = isUnified ? 'memory.max' : 'memory.limit_in_bytes';
    // A container may see its own group as the root, whatever the path says.
    for (let inner = group; ; inner = path.posix.dirname(inner)) {
      files.push(path.posix.join(root, inner, name));
      if (inner === '/') break;
    }
  }
  return files;
}
