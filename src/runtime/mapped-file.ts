import koffi from 'koffi';
import { closeSync, fstatSync, openSync } from 'node:fs';
import { KvasirError } from '#errors.js';
import type { Pointer } from './api.js';
import { discardPages } from './page-advice.js';

/** `PROT_READ` and `MAP_PRIVATE` of mmap(2), the same on Linux and macOS. */
const READ = 1;
const PRIVATE = 2;

/** True if files can be mapped on this system. */
export const CAN_MAP_FILES = process.platform !== 'win32';

interface Calls {
  readonly mmap: (
    at: null,
    bytes: number,
    protection: number,
    flags: number,
    file: number,
    from: number,
  ) => Pointer;
  readonly munmap: (address: Pointer, bytes: number) => number;
}

let calls: Calls | undefined;

/** A file's bytes as memory that cannot be written. */
export class MappedFile {
  readonly address: Pointer;
  readonly bytes: number;

  constructor(address: Pointer, bytes: number) {
    this.address = address;
    this.bytes = bytes;
  }

  /** Gives its pages back to the system where that can be; they are read again when they are touched. */
  discard(): void {
    discardPages(this.address, this.bytes);
  }

  dispose(): void {
    posix().munmap(this.address, this.bytes);
  }
}

/**
 * Maps a file, which must not become shorter while it is mapped.
 *
 * @param least bytes that it must have.
 * @throws KvasirError `invalid_model` where it has not, or cannot be read
 */
export function mapFile(file: string, least: number): MappedFile {
  const descriptor = open(file);
  try {
    const { size } = fstatSync(descriptor);
    if (size < least)
      throw new KvasirError('invalid_model', `${file} has ${size} of ${least} bytes: is it cut off?`);
    const address = posix().mmap(null, size, READ, PRIVATE, descriptor, 0);
    if (BigInt.asIntN(64, address) === -1n)
      throw new KvasirError('runtime_failure', `${file} could not be mapped into memory`);
    return new MappedFile(address, size);
  } finally {
    closeSync(descriptor);
  }
}

function open(file: string): number {
  try {
    return openSync(file, 'r');
  } catch (cause) {
    throw new KvasirError('invalid_model', `${file} cannot be read: ${(cause as Error).message}`, { cause });
  }
}

function posix(): Calls {
  if (calls === undefined) {
    const library = koffi.load(null);
    calls = {
      mmap: library.func(
        'void *mmap(void *at, size_t bytes, int protection, int flags, int file, int64_t from)',
      ) as unknown as Calls['mmap'],
      munmap: library.func('int munmap(void *address, size_t bytes)') as unknown as Calls['munmap'],
    };
  }
  return calls;
}
