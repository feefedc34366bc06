import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const FOLDER = new URL('../../../test/fixtures/pictures/', import.meta.url);

/** What a JSON file of `test/fixtures/pictures` holds. */
export function pictureFixture<T>(name: string): T {
  return JSON.parse(readFileSync(fileURLToPath(new URL(name, FOLDER)), 'utf8')) as T;
}

/** A file of `test/fixtures/pictures`. */
export function pictureFile(name: string): Uint8Array {
  return readFileSync(fileURLToPath(new URL(name, FOLDER)));
}

export function sha256(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}

/** The greatest difference of two rows of bytes of the same length. */
export function greatestDifference(a: Uint8Array, b: Uint8Array): number {
  return a.reduce((most, value, i) => Math.max(most, Math.abs(value - b[i]!)), 0);
}
