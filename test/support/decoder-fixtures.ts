import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

/** Tiny models of every family of decoders, with what transformers gives for them: see `test/fixtures/`. */
export const DECODER_FIXTURES = fileURLToPath(new URL('../../../test/fixtures/decoders/', import.meta.url));

/** A JSON file of a fixture. */
export async function readFixture<T>(name: string, file: string): Promise<T> {
  return JSON.parse(await readFile(path.join(DECODER_FIXTURES, name, file), 'utf8')) as T;
}

/** Float32 numbers that a fixture has as base64. */
export function fixtureFloats(base64: string): Float32Array {
  return new Float32Array(Uint8Array.from(Buffer.from(base64, 'base64')).buffer);
}
