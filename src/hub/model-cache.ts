import { link, copyFile, mkdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { randomUUID } from 'node:crypto';
import path from 'node:path';
import { KvasirError } from '#errors.js';
import type { RemoteFile } from './remote-file.js';
import type { ModelReference } from './reference.js';
import { storing, userCache } from '#storage.js';

/** The default cache folder: `KVASIR_HOME`, else `kvasir` in the user's cache folder. */
export function defaultHome(): string {
  return process.env.KVASIR_HOME || userCache();
}

const COMMIT = /^[0-9a-f]{40}$/;

/**
 * One model's folder in the cache, `<home>/models/<owner>--<name>/`:
 *
 * - `snapshots/<commit>/`: the model's folder at a commit. A file in it is complete and checked.
 * - `snapshots/<commit>.json`: the files that the repository has at that commit.
 * - `refs/<revision>`: the commit that a branch or tag pointed to last time (`/` in its name becomes `--`).
 * - `blobs/<checksum>`: every file's content once, however many commits have it; snapshots are hard links to
 *   it (symbolic links would make ONNX Runtime refuse external data, as lying outside of the model's folder).
 * - `blobs/<checksum>.partial`: what has arrived of a file so far.
 *
 * Any of it may be deleted at any time while nothing is pulled.
 */
export class ModelCache {
  readonly folder: string;

  constructor(home: string, repo: string) {
    this.folder = path.join(home, 'models', repo.replace('/', '--'));
  }

  snapshot(commit: string): string {
    return path.join(this.folder, 'snapshots', commit);
  }

  blob({ checksum }: RemoteFile): string {
    return path.join(this.folder, 'blobs', checksum.value);
  }

  /** The commit that a revision pointed to last time; undefined if it was never pulled. */
  async commit({ revision }: ModelReference): Promise<string | undefined> {
    if (COMMIT.test(revision)) return revision;
    const commit = (await readIfThere(this.#ref(revision)))?.trim();
    return commit !== undefined && COMMIT.test(commit) ? commit : undefined;
  }

  async setCommit({ revision }: ModelReference, commit: string): Promise<void> {
    if (revision !== commit) await writeWhole(this.#ref(revision), commit);
  }

  /** The files of a commit; undefined if they were never listed. */
  async listing(commit: string): Promise<RemoteFile[] | undefined> {
    const text = await readIfThere(this.#listing(commit));
    // Whole, since it is written by a rename.
    return text === undefined ? undefined : (JSON.parse(text) as RemoteFile[]);
  }

  async setListing(commit: string, files: readonly RemoteFile[]): Promise<void> {
    await writeWhole(this.#listing(commit), JSON.stringify(files, null, 1));
  }

  /** True if a snapshot has a file, with the right length. */
  async has(commit: string, file: RemoteFile): Promise<boolean> {
    return (await sizeOf(path.join(this.snapshot(commit), file.path))) === file.size;
  }

  /** True if the content of a file is in the cache, from any commit. */
  async hasBlob(file: RemoteFile): Promise<boolean> {
    return (await sizeOf(this.blob(file))) === file.size;
  }

  /** Number of bytes of a file that have arrived. */
  async arrived(file: RemoteFile): Promise<number> {
    return (await sizeOf(`${this.blob(file)}.partial`)) ?? 0;
  }

  /** Links a file whose content is in the cache into a snapshot. */
  async place(commit: string, file: RemoteFile): Promise<void> {
    const target = path.join(this.snapshot(commit), file.path);
    const fresh = `${target}.${randomUUID()}`;
    await storing(target, async () => {
      await mkdir(path.dirname(target), { recursive: true });
      try {
        // Not every file system has hard links.
        await link(this.blob(file), fresh).catch(() => copyFile(this.blob(file), fresh));
        await rename(fresh, target);
      } catch (error) {
        await rm(fresh, { force: true });
        throw error;
      }
    });
  }

  #ref(revision: string): string {
    return path.join(this.folder, 'refs', revision.replaceAll('/', '--'));
  }

  #listing(commit: string): string {
    return `${this.snapshot(commit)}.json`;
  }
}

async function readIfThere(file: string): Promise<string | undefined> {
  try {
    return await readFile(file, 'utf8');
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    const { message } = cause as Error;
    throw new KvasirError('invalid_configuration', `the model cache cannot be read: ${message}`, { cause });
  }
}

/** Writes a small file so that nobody ever sees a part of it. */
async function writeWhole(file: string, text: string): Promise<void> {
  const fresh = `${file}.${randomUUID()}`;
  await storing(file, async () => {
    await mkdir(path.dirname(file), { recursive: true });
    try {
      await writeFile(fresh, text);
      await rename(fresh, file);
    } catch (error) {
      await rm(fresh, { force: true });
      throw error;
    }
  });
}

async function sizeOf(file: string): Promise<number | undefined> {
  const found = await stat(file).catch(() => undefined);
  return found?.isFile() ? found.size : undefined;
}
