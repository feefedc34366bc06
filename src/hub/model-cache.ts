import {
  copyFile,
  link,
  mkdir,
  readdir,
  readFile,
  rename,
  rm,
  stat,
  symlink,
  writeFile,
} from 'node:fs/promises';
import { randomUUID } from 'node:crypto';
import path from 'node:path';
import { KvasirError } from '#errors.js';
import { storing } from '#storage.js';
import { avoidsLinks } from './hub-environment.js';
import { readListing, writeListing } from './listing.js';
import type { RemoteFile } from './remote-file.js';
import type { ModelReference } from './reference.js';

const COMMIT = /^[0-9a-f]{40}$/;

/** True for a revision that is a commit, and can never point to another. */
export function isCommit(revision: string): boolean {
  return COMMIT.test(revision);
}

/**
 * One model's folder in Hugging Face's cache, `models--<owner>--<name>/`, in the layout of huggingface_hub, which may
 * read and write it at the same time:
 *
 * - `blobs/<checksum>`: every file's content once, however many commits have it, named by its ETag. It is complete;
 *   what Kvasir has brought is checked, too.
 * - `blobs/<checksum>.incomplete`: what has arrived of a file so far.
 * - `snapshots/<commit>/`: the model's folder at a commit: relative symbolic links to blobs, or files where there are
 *   no links.
 * - `refs/<revision>`: the commit that a branch or tag pointed to last time.
 * - `trees/<commit>.json`: all files that the repository has at that commit, see {@link readListing}.
 *
 * `.locks/models--<owner>--<name>/<checksum>.lock` beside it is locked by whoever brings that blob.
 */
export class ModelCache {
  readonly folder: string;
  readonly #locks: string;

  /** @param root the cache of all repositories. */
  constructor(root: string, repo: string) {
    const name = `models--${repo.replace('/', '--')}`;
    this.folder = path.join(root, name);
    this.#locks = path.join(root, '.locks', name);
  }

  snapshot(commit: string): string {
    return path.join(this.folder, 'snapshots', commit);
  }

  blob({ checksum }: RemoteFile): string {
    return path.join(this.folder, 'blobs', checksum.value);
  }

  lock({ checksum }: RemoteFile): string {
    return path.join(this.#locks, `${checksum.value}.lock`);
  }

  /** The commit that a revision pointed to last time; undefined if it was never pulled. */
  async commit({ revision }: ModelReference): Promise<string | undefined> {
    if (isCommit(revision)) return revision;
    const commit = (await readIfThere(this.#ref(revision)))?.trim();
    return commit !== undefined && isCommit(commit) ? commit : undefined;
  }

  /** A cache that cannot be written to keeps what it has. */
  async setCommit(reference: ModelReference, commit: string): Promise<void> {
    if ((await this.commit(reference)) !== commit)
      await writeIfAllowed(this.#ref(reference.revision), commit);
  }

  /** The branches and tags that were pulled. */
  async revisions(): Promise<string[]> {
    const refs = path.join(this.folder, 'refs');
    const entries = await readdir(refs, { recursive: true, withFileTypes: true }).catch(() => []);
    return entries
      .filter(entry => entry.isFile())
      .map(({ parentPath, name }) =>
        path.relative(refs, path.join(parentPath, name)).replaceAll(path.sep, '/'),
      );
  }

  /** The files of a commit; undefined if they were never listed. */
  async listing(commit: string): Promise<RemoteFile[] | undefined> {
    const text = await readIfThere(this.#listing(commit));
    return text === undefined ? undefined : readListing(text);
  }

  /** A cache that cannot be written to does without. */
  async setListing(commit: string, files: readonly RemoteFile[]): Promise<void> {
    await writeIfAllowed(this.#listing(commit), writeListing(files));
  }

  /** Paths of the files that a snapshot has, with `/` between folders; links whose blob is gone left out. */
  async present(commit: string): Promise<string[]> {
    const folder = this.snapshot(commit);
    const names = await readdir(folder, { recursive: true }).catch(() => []);
    const sizes = await Promise.all(names.map(name => sizeOf(path.join(folder, name))));
    return names.filter((_, i) => sizes[i] !== undefined).map(name => name.replaceAll(path.sep, '/'));
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
    return (await sizeOf(`${this.blob(file)}.incomplete`)) ?? 0;
  }

  /** Links a file whose content is in the cache into a snapshot. */
  async place(commit: string, file: RemoteFile): Promise<void> {
    const target = path.join(this.snapshot(commit), file.path);
    await replace(target, fresh => point(this.blob(file), fresh));
  }

  #ref(revision: string): string {
    return path.join(this.folder, 'refs', ...revision.split('/'));
  }

  #listing(commit: string): string {
    return path.join(this.folder, 'trees', `${commit}.json`);
  }
}

/** Makes a file that stands for a blob: a relative link, or where there are none, one of another kind or a copy. */
async function point(blob: string, file: string): Promise<void> {
  const hard = (): Promise<void> => link(blob, file).catch(() => copyFile(blob, file));
  if (avoidsLinks()) await hard();
  else await symlink(path.relative(path.dirname(file), blob), file).catch(hard);
}

async function readIfThere(file: string): Promise<string | undefined> {
  try {
    return await readFile(file, 'utf8');
  } catch (cause) {
    const { code, message } = cause as NodeJS.ErrnoException;
    if (code === 'ENOENT' || code === 'ENOTDIR' || code === 'EISDIR') return undefined;
    throw new KvasirError('invalid_configuration', `the model cache cannot be read: ${message}`, { cause });
  }
}

async function writeIfAllowed(file: string, text: string): Promise<void> {
  await replace(file, fresh => writeFile(fresh, text)).catch((error: unknown) => {
    if (!(error instanceof KvasirError) || error.code !== 'invalid_configuration') throw error;
  });
}

/** Makes a file so that nobody ever sees a part of it. */
async function replace(file: string, make: (fresh: string) => Promise<void>): Promise<void> {
  const fresh = `${file}.${randomUUID()}`;
  await storing(file, async () => {
    await mkdir(path.dirname(file), { recursive: true });
    try {
      await make(fresh);
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
