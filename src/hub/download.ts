import { createHash, type Hash } from 'node:crypto';
import { mkdir, open, rename, rm, type FileHandle } from 'node:fs/promises';
import path from 'node:path';
import { KvasirError } from '#errors.js';
import type { Download, HubClient } from './hub-client.js';
import type { RemoteFile } from './remote-file.js';
import { TransientError, withRetries } from './retries.js';
import { storing } from '#storage.js';

const READ_CHUNK = 2 ** 20;

/**
 * Downloads a file to `target`, which appears there complete and checked or not at all. Bytes that have
 * arrived are kept in `target.incomplete`, from where the next call resumes.
 *
 * @param url where it lies; redirects are followed.
 * @param onProgress told how many of its bytes are there; less than before where it had to begin anew.
 * @throws KvasirError `access_denied`, `model_not_found`, `download_failed`, `storage_full`
 */
export async function download(
  client: HubClient,
  url: string,
  file: RemoteFile,
  target: string,
  onProgress: (bytes: number) => void,
): Promise<void> {
  const partial = `${target}.incomplete`;
  await storing(partial, () => mkdir(path.dirname(target), { recursive: true }));
  const transfer = await Transfer.resume(partial, file, onProgress);
  try {
    let before = transfer.length;
    await withRetries(() => transfer.run(client, url), {
      ...client.retries,
      advanced: () => {
        const further = transfer.length > before;
        before = transfer.length;
        return further;
      },
    });
    await storing(partial, () => transfer.sync());
  } finally {
    await transfer.close();
  }
  await storing(target, () => rename(partial, target));
}

/** A partial file and the running checksum of its bytes. */
class Transfer {
  readonly #partial: string;
  readonly #file: RemoteFile;
  readonly #handle: FileHandle;
  readonly #onProgress: (bytes: number) => void;
  #hash: Hash;
  #length = 0;
  /** A wrong checksum may come from a partial file that a crash has spoilt; twice is no accident. */
  #mismatches = 0;

  private constructor(
    partial: string,
    file: RemoteFile,
    handle: FileHandle,
    onProgress: (bytes: number) => void,
  ) {
    this.#partial = partial;
    this.#file = file;
    this.#handle = handle;
    this.#onProgress = onProgress;
    this.#hash = startHash(file);
  }

  /** Opens a partial file, or begins one. */
  static async resume(
    partial: string,
    file: RemoteFile,
    onProgress: (bytes: number) => void,
  ): Promise<Transfer> {
    const handle = await storing(partial, async () => {
      await (await open(partial, 'a')).close();
      return open(partial, 'r+');
    });
    const transfer = new Transfer(partial, file, handle, onProgress);
    try {
      await transfer.#readBack();
      return transfer;
    } catch (error) {
      await handle.close();
      throw error;
    }
  }

  /** Number of bytes that have arrived. */
  get length(): number {
    return this.#length;
  }

  /** Fetches the missing bytes in one request, and checks the whole file. */
  async run(client: HubClient, url: string): Promise<void> {
    const { path: name, size, checksum } = this.#file;
    if (this.#length < size) await this.#fetchRest(client, url);
    const digest = this.#hash.digest('hex');
    if (digest === checksum.value) return;
    await this.#restart();
    if (++this.#mismatches === 1) throw new TransientError(`${name} arrived damaged`);
    await rm(this.#partial, { force: true });
    throw new KvasirError(
      'download_failed',
      `${name} arrives damaged: its ${checksum.kind} checksum is ${digest}, not ${checksum.value}`,
    );
  }

  async sync(): Promise<void> {
    await this.#handle.sync();
  }

  async close(): Promise<void> {
    await this.#handle.close();
  }

  async #fetchRest(client: HubClient, url: string): Promise<void> {
    const { path: name, size } = this.#file;
    const headers = new Headers(this.#length > 0 ? { range: `bytes=${this.#length}-` } : {});
    // A compressed body would have other bytes and another length.
    headers.set('accept-encoding', 'identity');
    const answer = await client.open(url, headers);
    if (this.#length > 0 && rangeStart(answer) !== this.#length) await this.#restart(rangeStart(answer));
    for await (const chunk of answer.chunks) {
      if (this.#length + chunk.byteLength > size)
        throw new KvasirError(
          'download_failed',
          `${name} is longer than the ${size} bytes that the hub announced`,
        );
      await storing(this.#partial, () => writeFully(this.#handle, chunk, this.#length));
      this.#advance(chunk);
    }
    if (this.#length < size)
      throw new TransientError(`the connection ended at byte ${this.#length} of ${size} of ${name}`);
  }

  async #readBack(): Promise<void> {
    const { size } = await this.#handle.stat();
    // Longer than the file itself: not a part of it.
    if (size > this.#file.size) return this.#restart();
    const buffer = new Uint8Array(Math.min(READ_CHUNK, size));
    while (this.#length < size) {
      const { bytesRead } = await this.#handle.read(buffer, 0, buffer.length, this.#length);
      if (bytesRead === 0) break;
      this.#advance(buffer.subarray(0, bytesRead));
    }
  }

  #advance(bytes: Uint8Array): void {
    this.#hash.update(bytes);
    this.#length += bytes.byteLength;
    this.#onProgress(this.#length);
  }

  /** @param start where the bytes to come begin; anything but 0 is not what was asked for. */
  async #restart(start = 0): Promise<void> {
    this.#hash = startHash(this.#file);
    this.#length = 0;
    this.#onProgress(0);
    await this.#handle.truncate(0);
    if (start !== 0)
      throw new TransientError(`the hub sent ${this.#file.path} from byte ${start}, which was not asked for`);
  }
}

/** The position of an answer's first byte: a server may ignore a range and send everything. */
function rangeStart({ status, headers }: Download): number {
  if (status !== 206) return 0;
  return Number(/^bytes (\d+)-/.exec(headers.get('content-range') ?? '')?.[1] ?? 0);
}

function startHash({ size, checksum }: RemoteFile): Hash {
  return checksum.kind === 'sha256' ? createHash('sha256') : createHash('sha1').update(`blob ${size}\0`);
}

async function writeFully(handle: FileHandle, bytes: Uint8Array, position: number): Promise<void> {
  for (let done = 0; done < bytes.byteLength;) {
    const { bytesWritten } = await handle.write(bytes, done, bytes.byteLength - done, position + done);
    done += bytesWritten;
  }
}
