import { open, readdir, stat, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { crc32 } from 'node:zlib';
import { readJsonObject } from '#files.js';
import { storing } from '#storage.js';

const MANIFEST = 'manifest.json';

/** Bytes that are checked at a time: a quarter of a millisecond of the event loop. */
const CHUNK = 2 ** 20;

interface Entry {
  readonly size: number;
  /** CRC-32, which finds every single flipped bit. */
  readonly crc32: number;
}

/** Writes down sizes and checksums of all files in a folder, instead of what was written before. */
export async function writeManifest(folder: string): Promise<void> {
  const files: Record<string, Entry> = {};
  for (const name of (await readdir(folder)).sort()) {
    if (name === MANIFEST) continue;
    const file = path.join(folder, name);
    files[name] = { size: (await stat(file)).size, crc32: await checksum(file) };
  }
  const manifest = path.join(folder, MANIFEST);
  await storing(manifest, () => writeFile(manifest, JSON.stringify({ files }), { flush: true }));
}

/**
 * Compares a folder with its manifest. Takes a quarter to half a second for a gigabyte that the system has in
 * memory already, which whoever loads it next finds there.
 *
 * @returns what is wrong with the folder, for people; undefined where nothing is.
 */
export async function findDamage(folder: string): Promise<string | undefined> {
  const files = await readJsonObject(path.join(folder, MANIFEST)).then(
    manifest => manifest.files,
    () => undefined,
  );
  const entries = Object.entries(Object(files) as Record<string, Partial<Entry> | null>);
  if (entries.length === 0) return `its ${MANIFEST} is missing or broken`;
  for (const [name, entry] of entries) {
    const file = path.join(folder, name);
    const found = await stat(file).catch(() => undefined);
    if (!found?.isFile()) return `${name} is missing`;
    if (found.size !== entry?.size) return `${name} has ${found.size} bytes instead of ${entry?.size}`;
    if ((await checksum(file).catch(() => undefined)) !== entry.crc32)
      return `${name} does not have its checksum`;
  }
  return undefined;
}

async function checksum(file: string): Promise<number> {
  const handle = await open(file);
  try {
    const chunk = Buffer.allocUnsafe(CHUNK);
    let sum = 0;
    for (;;) {
      const { bytesRead } = await handle.read(chunk, 0, CHUNK);
      if (bytesRead === 0) return sum;
      sum = crc32(chunk.subarray(0, bytesRead), sum);
    }
  } finally {
    await handle.close();
  }
}
