import path from 'node:path';
import { listFiles, modelInfo } from '@huggingface/hub';
import { KvasirError } from '#errors.js';
import type { HubClient } from './hub-client.js';
import type { ModelReference } from './reference.js';

/** The checksum of a file: large files (LFS) have the SHA-256 of their bytes, small ones git's blob id. */
interface Checksum {
  readonly kind: 'sha256' | 'git-blob';
  /** Lower-case hexadecimal. */
  readonly value: string;
}

/** A file of a repository at one commit. */
export interface RemoteFile {
  /** With `/` between folders; never leads out of the repository. */
  readonly path: string;
  /** Bytes. */
  readonly size: number;
  readonly checksum: Checksum;
  /** Id of git's blob: of the file itself, or of what stands for it where it is in large storage. */
  readonly blobId: string;
  /** Hash of its content in Xet, the hub's large storage, where it is there. */
  readonly xetHash?: string;
}

/**
 * Asks for the commit that a revision points to.
 *
 * @throws KvasirError `access_denied`, `model_not_found`, `download_failed`
 */
export async function resolveCommit(client: HubClient, { repo, revision }: ModelReference): Promise<string> {
  const { sha } = await modelInfo({
    name: repo,
    revision,
    hubUrl: client.endpoint,
    fetch: client.fetch,
    additionalFields: ['sha'],
  }).catch(notUnderstood);
  if (!/^[0-9a-f]{40}$/.test(sha)) return notUnderstood(new Error(`it names the commit '${sha}'`));
  return sha;
}

/**
 * Lists all files of a commit.
 *
 * @throws KvasirError `access_denied`, `model_not_found`, `download_failed`
 */
export async function listRemoteFiles(
  client: HubClient,
  repo: string,
  commit: string,
): Promise<RemoteFile[]> {
  const files: RemoteFile[] = [];
  const entries = listFiles({
    repo,
    revision: commit,
    recursive: true,
    hubUrl: client.endpoint,
    fetch: client.fetch,
  });
  try {
    for await (const { type, path: name, size, oid: blobId = '', lfs, xetHash } of entries) {
      if (type !== 'file') continue;
      const checksum: Checksum =
        lfs === undefined ? { kind: 'git-blob', value: blobId } : { kind: 'sha256', value: lfs.oid };
      const file = { path: name, size: lfs?.size ?? size, checksum, blobId };
      const fault = faultOf(file);
      if (fault !== undefined) throw new Error(fault);
      files.push(xetHash === undefined ? file : { ...file, xetHash });
    }
  } catch (error) {
    return notUnderstood(error);
  }
  return files;
}

/**
 * What is wrong with a file's entry, undefined where nothing is: no list of files is trusted with paths on this
 * machine.
 */
export function faultOf({ path: name, size, checksum }: RemoteFile): string | undefined {
  const inside =
    typeof name === 'string' &&
    name !== '' &&
    !/[\\:\0]/.test(name) &&
    !path.posix.isAbsolute(name) &&
    name.split('/').every(part => part !== '' && part !== '.' && part !== '..');
  if (!inside) return `it lists a file outside of the repository: ${JSON.stringify(name)}`;
  if (!Number.isSafeInteger(size) || size < 0) return `${name} has no size`;
  const digest = checksum.kind === 'sha256' ? /^[0-9a-f]{64}$/ : /^[0-9a-f]{40}$/;
  return digest.test(checksum.value) ? undefined : `${name} has no checksum`;
}

function notUnderstood(error: unknown): never {
  if (error instanceof KvasirError) throw error;
  const { message } = error as Error;
  throw new KvasirError('download_failed', `the hub's answer is not usable: ${message}`, { cause: error });
}
