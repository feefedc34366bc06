import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { KvasirError } from '#errors.js';
import { download } from './download.js';
import { HubClient } from './hub-client.js';
import { earlierFolder, moveBlob } from './earlier-cache.js';
import { hubCache, hubEndpoint, hubToken, isOffline } from './hub-environment.js';
import { sweepLeftovers } from './leftovers.js';
import { withLock } from './lock.js';
import { isCommit, ModelCache } from './model-cache.js';
import { parseReference, type ModelReference } from './reference.js';
import { listRemoteFiles, resolveCommit, type RemoteFile } from './remote-file.js';
import { DEFAULT_BACKOFF, type Backoff } from './retries.js';
import { neededIndex, selectDescription, selectFiles, type Selection } from './select-files.js';
import { requireSpace } from '#storage.js';

const DEFAULT_PATIENCE = 30_000;
/** Files that are downloaded at once. */
const PARALLEL = 4;

export interface PullOptions extends Selection {
  /**
   * A folder of the repository to use instead of its root, such as `cpu_and_mobile/cpu-int4-rtn-block-32`.
   */
  readonly subfolder?: string | undefined;
  /**
   * Take only the files that describe the model, not its weights: the folder is then not complete. Default
   * false.
   */
  readonly descriptionOnly?: boolean | undefined;
  /** The folder of Hugging Face's cache; default: see {@link hubCache}. */
  readonly cache?: string | undefined;
  /** The hub's address; default: `HF_ENDPOINT`, else Hugging Face's. */
  readonly endpoint?: string | undefined;
  /** Access token; empty: none; default: see {@link hubToken}. */
  readonly token?: string | undefined;
  /**
   * Contact no hub, use only what is in the cache; default: see {@link isOffline}.
   */
  readonly offline?: boolean | undefined;
  readonly signal?: AbortSignal | undefined;
  readonly onEvent?: ((event: PullEvent) => void) | undefined;
  /** Settings for repeating failed requests. */
  readonly backoff?: Backoff | undefined;
  /** Milliseconds without a byte after which a connection is given up; default 30,000. */
  readonly patience?: number | undefined;
}

/** Events of a pull, for a display. Sizes in bytes. */
export type PullEvent =
  /** The files to pull with their sizes, and how many of their bytes have arrived already. */
  | { readonly type: 'plan'; readonly commit: string; readonly files: readonly PlannedFile[] }
  /** Bytes of a file that have arrived; fewer than before if it had to start again. */
  | { readonly type: 'progress'; readonly path: string; readonly bytes: number }
  /** A file is complete and checked. */
  | { readonly type: 'file'; readonly path: string; readonly size: number }
  | { readonly type: 'retry'; readonly reason: string; readonly delay: number }
  /** Another process is pulling the same model. */
  | { readonly type: 'waiting' }
  /** Files were taken from a folder in which Kvasir kept models before; what is left there is not needed. */
  | { readonly type: 'moved'; readonly folder: string }
  /** The hub cannot be reached; the cache's last snapshot is used. */
  | { readonly type: 'stale'; readonly reason: string };

interface PlannedFile {
  readonly path: string;
  readonly size: number;
  readonly arrived: number;
}

/**
 * Downloads the needed files of a model that are not in the cache yet. May run in several processes at once.
 * Bytes that arrived before a failure are kept, and the next call resumes there.
 *
 * @param model `owner/name` or `owner/name@revision`, with `:Q4_K_M` or the like for a GGUF file.
 * @returns the model's folder, complete; see {@link ModelCache}. Without a hub in reach: as it was at the
 * last pull.
 * @throws KvasirError `invalid_configuration`, `model_not_found`, `access_denied`, `download_failed`,
 * `storage_full`, `cancelled`; `unsupported_model` or `invalid_model` where the repository has no weights, or
 * not all of them
 */
export async function pullModel(model: string, options: PullOptions = {}): Promise<string> {
  const token = (options.token ?? (await hubToken())) || undefined;
  return new Pull(parseReference(model), { ...options, token }).run();
}

class Pull {
  readonly #reference: ModelReference;
  readonly #options: PullOptions;
  readonly #cache: ModelCache;
  readonly #client: HubClient;
  readonly #failed = new AbortController();
  #hasWaited = false;
  #hasMoved = false;

  constructor(reference: ModelReference, options: PullOptions) {
    this.#reference = reference;
    this.#options = { ...options, gguf: reference.gguf };
    this.#cache = new ModelCache(options.cache ?? hubCache(), reference.repo);
    const { signal: failed } = this.#failed;
    this.#client = new HubClient({
      endpoint: (options.endpoint ?? hubEndpoint()).replace(/\/+$/, ''),
      token: options.token,
      model: reference,
      backoff: options.backoff ?? DEFAULT_BACKOFF,
      patience: options.patience ?? DEFAULT_PATIENCE,
      signal: options.signal === undefined ? failed : AbortSignal.any([failed, options.signal]),
      onRetry: (reason, delay) => options.onEvent?.({ type: 'retry', reason, delay }),
    });
  }

  async run(): Promise<string> {
    const { revision } = this.#reference;
    await sweepLeftovers(this.#cache.folder);
    const { subfolder = '' } = this.#options;
    const folder = (commit: string): string => path.join(this.#cache.snapshot(commit), subfolder);
    if (this.#options.offline ?? isOffline()) {
      const commit = await this.#cached();
      if (commit === undefined) throw await this.#notCached();
      return folder(commit);
    }
    if (isCommit(revision) && (await this.#isWhole(revision))) return folder(revision);
    let commit: string;
    try {
      commit = await resolveCommit(this.#client, this.#reference);
    } catch (error) {
      const { code, message } = error as KvasirError;
      const isAway = code === 'download_failed' || code === 'access_denied';
      const stale = isAway ? await this.#cached() : undefined;
      if (stale === undefined) throw error;
      this.#options.onEvent?.({ type: 'stale', reason: message });
      return folder(stale);
    }
    await this.#fill(commit);
    // The cache's commit is one that is there whole.
    if (!this.#options.descriptionOnly) await this.#cache.setCommit(this.#reference, commit);
    return folder(commit);
  }

  /** The commit of this revision that is complete in the cache. */
  async #cached(): Promise<string | undefined> {
    const commit = await this.#cache.commit(this.#reference);
    if (commit === undefined) return undefined;
    const isListed = (await this.#cache.listing(commit)) !== undefined;
    return (await (isListed ? this.#isWhole(commit) : this.#looksWhole(commit))) ? commit : undefined;
  }

  /** True if the snapshot of a commit has all that is needed of its files, which are listed. */
  async #isWhole(commit: string): Promise<boolean> {
    const files = await this.#cache.listing(commit);
    if (files === undefined) return false;
    return (
      (await this.#missing(commit, await this.#select(files, index => this.#shards(commit, index))))
        .length === 0
    );
  }

  /**
   * True if the snapshot of a commit whose files nobody has listed, as it was before huggingface_hub 2, has what is
   * certainly needed: weights, with all their shards.
   */
  async #looksWhole(commit: string): Promise<boolean> {
    const files = (await this.#cache.present(commit)).map(name => ({ path: name }));
    try {
      await this.#select(files, index => this.#shards(commit, index));
      return files.length > 0;
    } catch (error) {
      if (error instanceof KvasirError) return false;
      throw error;
    }
  }

  async #fill(commit: string): Promise<void> {
    let files = await this.#cache.listing(commit);
    if (files === undefined) {
      files = await listRemoteFiles(this.#client, this.#reference.repo, commit);
      await this.#cache.setListing(commit, files);
    }
    const known = files;
    const shards = async (index: string): Promise<string[]> => {
      await this.#fetchMissing(commit, [known.find(file => file.path === this.#inside(index))!]);
      return this.#shards(commit, index);
    };
    await this.#fetchMissing(commit, await this.#select(files, shards));
  }

  /** The files that the index of a snapshot's shards names. */
  async #shards(commit: string, index: string): Promise<string[]> {
    const file = path.join(this.#cache.snapshot(commit), this.#inside(index));
    return shardsOf(index, await readFile(file, 'utf8').catch(() => '{}'));
  }

  async #fetchMissing(commit: string, files: readonly RemoteFile[]): Promise<void> {
    const missing = await this.#missing(commit, files);
    if (missing.length === 0) return;
    const planned = await Promise.all(missing.map(file => this.#plan(file)));
    this.#options.onEvent?.({ type: 'plan', commit, files: planned });
    const toCome = planned.reduce((sum, { size, arrived }) => sum + size - arrived, 0);
    await requireSpace(this.#cache.folder, toCome);
    await this.#fetchAll(commit, missing).catch(elsewhere);
  }

  async #plan(file: RemoteFile): Promise<PlannedFile> {
    const { path: name, size } = file;
    const arrived = (await this.#cache.hasBlob(file)) ? size : await this.#cache.arrived(file);
    return { path: name, size, arrived: Math.min(arrived, size) };
  }

  /** Fetches several files at a time; the first failure ends the others. */
  async #fetchAll(commit: string, files: readonly RemoteFile[]): Promise<void> {
    // Files of the same content are one download.
    const waiting = groupByContent(files);
    const work = async (): Promise<void> => {
      for (let same = waiting.shift(); same !== undefined; same = waiting.shift())
        await this.#fetch(commit, same);
    };
    const workers = Array.from({ length: PARALLEL }, () =>
      work().catch((error: unknown) => {
        waiting.length = 0;
        this.#failed.abort();
        throw error;
      }),
    );
    const results = await Promise.allSettled(workers);
    const failures = results.flatMap(result =>
      result.status === 'rejected' ? [result.reason as KvasirError] : [],
    );
    // Those that the first failure ended say only that they were cancelled.
    const first = failures.find(({ code }) => code !== 'cancelled') ?? failures[0];
    if (first !== undefined) throw first;
  }

  /** @param files all of the same content. */
  async #fetch(commit: string, files: readonly RemoteFile[]): Promise<void> {
    const { onEvent } = this.#options;
    const first = files[0]!;
    await withLock(this.#cache.lock(first), this.#onWait, async () => {
      if (!(await this.#cache.hasBlob(first)) && !(await this.#move(first)))
        await this.#download(commit, first);
      for (const file of files) {
        await this.#cache.place(commit, file);
        onEvent?.({ type: 'file', path: file.path, size: file.size });
      }
    });
  }

  async #download(commit: string, file: RemoteFile): Promise<void> {
    const name = file.path.split('/').map(encodeURIComponent).join('/');
    const url = `${this.#client.endpoint}/${this.#reference.repo}/resolve/${commit}/${name}`;
    await download(this.#client, url, file, this.#cache.blob(file), bytes =>
      this.#options.onEvent?.({ type: 'progress', path: file.path, bytes }),
    );
  }

  /** Takes a file from where Kvasir kept models before. False if it is not there. */
  async #move(file: RemoteFile): Promise<boolean> {
    const folder = await earlierFolder(this.#reference.repo);
    if (folder === undefined || !(await moveBlob(folder, file.size, this.#cache.blob(file)))) return false;
    if (!this.#hasMoved) this.#options.onEvent?.({ type: 'moved', folder });
    this.#hasMoved = true;
    return true;
  }

  readonly #onWait = (): void => {
    if (!this.#hasWaited) this.#options.onEvent?.({ type: 'waiting' });
    this.#hasWaited = true;
  };

  async #missing(commit: string, files: readonly RemoteFile[]): Promise<RemoteFile[]> {
    const present = await Promise.all(files.map(file => this.#cache.has(commit, file)));
    return files.filter((_, i) => !present[i]);
  }

  /** @param shards reads which files an index names; called only where that matters. */
  async #select<F extends Pick<RemoteFile, 'path'>>(
    files: readonly F[],
    shards: (index: string) => Promise<string[]>,
  ): Promise<F[]> {
    const prefix = this.#inside('');
    const names = files
      .filter(file => file.path.startsWith(prefix))
      .map(file => file.path.slice(prefix.length));
    const index = neededIndex(names, this.#options);
    const wanted = this.#options.descriptionOnly
      ? selectDescription(names)
      : selectFiles(names, this.#options, index === undefined ? [] : await shards(index));
    const selected = wanted.map(name => prefix + name);
    return files.filter(file => selected.includes(file.path));
  }

  /** Turns a name in the chosen folder into a path in the repository. */
  #inside(name: string): string {
    const { subfolder } = this.#options;
    return subfolder === undefined || subfolder === '' ? name : `${subfolder.replace(/\/+$/, '')}/${name}`;
  }

  async #notCached(): Promise<KvasirError> {
    const { repo, revision } = this.#reference;
    const others = (await this.#cache.revisions()).filter(name => name !== revision);
    const earlier = await earlierFolder(repo);
    const hints = [
      others.length > 0 && `; of other revisions it has: ${others.join(', ')}`,
      earlier !== undefined && `; ${earlier} has what Kvasir kept before, which a pull takes from there`,
    ];
    return new KvasirError(
      'model_not_found',
      `${repo}@${revision} is not complete in ${this.#cache.folder}, and the hub is not asked in offline mode: pull it once without offline mode${hints.filter(Boolean).join('')}`,
    );
  }
}

/** Says what to do where the cache cannot be written to. */
function elsewhere(error: unknown): never {
  if (!(error instanceof KvasirError) || error.code !== 'invalid_configuration') throw error;
  const message = `${error.message}; HF_HOME or HF_HUB_CACHE names another cache`;
  throw new KvasirError(error.code, message, { cause: error });
}

/** Groups files of the same content. */
function groupByContent(files: readonly RemoteFile[]): RemoteFile[][] {
  const groups = new Map<string, RemoteFile[]>();
  for (const file of files) {
    const group = groups.get(file.checksum.value);
    if (group === undefined) groups.set(file.checksum.value, [file]);
    else group.push(file);
  }
  return [...groups.values()];
}

/** The files that an index of shards names. */
function shardsOf(name: string, index: string): string[] {
  let map: unknown;
  try {
    map = (JSON.parse(index) as { weight_map?: unknown } | null)?.weight_map;
  } catch (cause) {
    throw new KvasirError('invalid_model', `${name} is not JSON`, { cause });
  }
  const names = typeof map === 'object' && map !== null ? Object.values(map) : [];
  return [...new Set(names.filter(name => typeof name === 'string'))];
}
