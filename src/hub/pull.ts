import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { KvasirError } from '#errors.js';
import { download } from './download.js';
import { HubClient } from './hub-client.js';
import { sweepLeftovers } from './leftovers.js';
import { withLock } from './lock.js';
import { defaultHome, ModelCache } from './model-cache.js';
import { parseReference, type ModelReference } from './reference.js';
import { listRemoteFiles, resolveCommit, type RemoteFile } from './remote-file.js';
import { DEFAULT_BACKOFF, type Backoff } from './retries.js';
import {
  needsIndex,
  SAFETENSORS_INDEX,
  selectDescription,
  selectFiles,
  type Selection,
} from './select-files.js';
import { requireSpace } from '#storage.js';

const DEFAULT_ENDPOINT = 'https://huggingface.co';
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
  /** Where the cache lies; default: `KVASIR_HOME`, else `kvasir` in the user's cache folder. */
  readonly home?: string | undefined;
  /** The hub's address; default: `HF_ENDPOINT`, else Hugging Face's. */
  readonly endpoint?: string | undefined;
  /** Access token; default: `HF_TOKEN`. */
  readonly token?: string | undefined;
  /**
   * Contact no hub, use only what is in the cache; default: true if `KVASIR_OFFLINE` or `HF_HUB_OFFLINE` is
   * set.
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
  return new Pull(parseReference(model), options).run();
}

class Pull {
  readonly #reference: ModelReference;
  readonly #options: PullOptions;
  readonly #cache: ModelCache;
  readonly #client: HubClient;
  readonly #failed = new AbortController();

  constructor(reference: ModelReference, options: PullOptions) {
    this.#reference = reference;
    this.#options = { ...options, gguf: reference.gguf };
    this.#cache = new ModelCache(options.home ?? defaultHome(), reference.repo);
    const { signal: failed } = this.#failed;
    this.#client = new HubClient({
      endpoint: (options.endpoint ?? (process.env.HF_ENDPOINT || DEFAULT_ENDPOINT)).replace(/\/+$/, ''),
      token: (options.token ?? process.env.HF_TOKEN) || undefined,
      model: reference,
      backoff: options.backoff ?? DEFAULT_BACKOFF,
      patience: options.patience ?? DEFAULT_PATIENCE,
      signal: options.signal === undefined ? failed : AbortSignal.any([failed, options.signal]),
      onRetry: (reason, delay) => options.onEvent?.({ type: 'retry', reason, delay }),
    });
  }

  async run(): Promise<string> {
    await sweepLeftovers(this.#cache.folder);
    const { subfolder = '' } = this.#options;
    const folder = (commit: string): string => path.join(this.#cache.snapshot(commit), subfolder);
    if (this.#options.offline ?? isOffline()) {
      const commit = await this.#cached();
      if (commit === undefined) throw this.#notCached();
      return folder(commit);
    }
    let commit: string;
    try {
      commit = await resolveCommit(this.#client, this.#reference);
    } catch (error) {
      const { code, message } = error as KvasirError;
      const stale = code === 'download_failed' ? await this.#cached() : undefined;
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
    const files = commit && (await this.#cache.listing(commit));
    if (!files) return undefined;
    const index = path.join(this.#cache.snapshot(commit), this.#inside(SAFETENSORS_INDEX));
    const shards = async (): Promise<string[]> => shardsOf(await readFile(index, 'utf8').catch(() => '{}'));
    return (await this.#missing(commit, await this.#select(files, shards))).length === 0 ? commit : undefined;
  }

  async #fill(commit: string): Promise<void> {
    let files = await this.#cache.listing(commit);
    if (files === undefined) {
      files = await listRemoteFiles(this.#client, this.#reference.repo, commit);
      await this.#cache.setListing(commit, files);
    }
    const known = files;
    const shards = async (): Promise<string[]> => {
      const index = known.find(file => file.path === this.#inside(SAFETENSORS_INDEX))!;
      await this.#fetchMissing(commit, [index]);
      return shardsOf(await readFile(path.join(this.#cache.snapshot(commit), index.path), 'utf8'));
    };
    await this.#fetchMissing(commit, await this.#select(files, shards));
  }

  async #fetchMissing(commit: string, files: readonly RemoteFile[]): Promise<void> {
    if ((await this.#missing(commit, files)).length === 0) return;
    const lock = path.join(this.#cache.folder, 'lock');
    const onWait = (): void => this.#options.onEvent?.({ type: 'waiting' });
    await withLock(lock, onWait, async () => {
      const missing = await this.#missing(commit, files);
      const planned = await Promise.all(missing.map(file => this.#plan(file)));
      this.#options.onEvent?.({ type: 'plan', commit, files: planned });
      const toCome = planned.reduce((sum, { size, arrived }) => sum + size - arrived, 0);
      await requireSpace(this.#cache.folder, toCome);
      await this.#fetchAll(commit, missing);
    });
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

  async #fetch(commit: string, files: readonly RemoteFile[]): Promise<void> {
    const { onEvent } = this.#options;
    const first = files[0]!;
    if (!(await this.#cache.hasBlob(first))) {
      const name = first.path.split('/').map(encodeURIComponent).join('/');
      const url = `${this.#client.endpoint}/${this.#reference.repo}/resolve/${commit}/${name}`;
      const onProgress = (bytes: number): void => onEvent?.({ type: 'progress', path: first.path, bytes });
      await download(this.#client, url, first, this.#cache.blob(first), onProgress);
    }
    for (const file of files) {
      await this.#cache.place(commit, file);
      onEvent?.({ type: 'file', path: file.path, size: file.size });
    }
  }

  async #missing(commit: string, files: readonly RemoteFile[]): Promise<RemoteFile[]> {
    const present = await Promise.all(files.map(file => this.#cache.has(commit, file)));
    return files.filter((_, i) => !present[i]);
  }

  /** @param shards reads which files the index names; called only where that matters. */
  async #select(files: readonly RemoteFile[], shards: () => Promise<string[]>): Promise<RemoteFile[]> {
    const prefix = this.#inside('');
    const names = files
      .filter(file => file.path.startsWith(prefix))
      .map(file => file.path.slice(prefix.length));
    const wanted = this.#options.descriptionOnly
      ? selectDescription(names)
      : selectFiles(names, this.#options, needsIndex(names, this.#options) ? await shards() : []);
    const selected = wanted.map(name => prefix + name);
    return files.filter(file => selected.includes(file.path));
  }

  /** Turns a name in the chosen folder into a path in the repository. */
  #inside(name: string): string {
    const { subfolder } = this.#options;
    return subfolder === undefined || subfolder === '' ? name : `${subfolder.replace(/\/+$/, '')}/${name}`;
  }

  #notCached(): KvasirError {
    const { repo, revision } = this.#reference;
    return new KvasirError(
      'model_not_found',
      `${repo}@${revision} is not complete in ${this.#cache.folder}, and the hub is not asked in offline mode: pull it once without offline mode`,
    );
  }
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

function isOffline(): boolean {
  return [process.env.KVASIR_OFFLINE, process.env.HF_HUB_OFFLINE].some(value => value && value !== '0');
}

/** The files that an index of shards names. */
function shardsOf(index: string): string[] {
  let map: unknown;
  try {
    map = (JSON.parse(index) as { weight_map?: unknown } | null)?.weight_map;
  } catch (cause) {
    throw new KvasirError('invalid_model', `${SAFETENSORS_INDEX} is not JSON`, { cause });
  }
  const names = typeof map === 'object' && map !== null ? Object.values(map) : [];
  return [...new Set(names.filter(name => typeof name === 'string'))];
}
