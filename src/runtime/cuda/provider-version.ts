import { closeSync, openSync, readSync } from 'node:fs';

const CHUNK = 2 ** 22;
const LONGEST = 16;

/**
 * The version of ONNX Runtime that a provider's library was built with, found as a text in the file: the
 * library has no function that tells it, and one of another version loads without complaint.
 *
 * @returns undefined where there is no such text.
 */
export function providerVersion(path: string): string | undefined {
  const file = openSync(path, 'r');
  try {
    const buffer = Buffer.alloc(CHUNK + LONGEST);
    for (let offset = 0; ; offset += CHUNK) {
      const length = readSync(file, buffer, 0, buffer.length, offset);
      if (length === 0) return undefined;
      const version = /\0(1\.\d{1,2}\.\d{1,2})\0/.exec(buffer.toString('latin1', 0, length))?.[1];
      if (version !== undefined) return version;
    }
  } finally {
    closeSync(file);
  }
}
