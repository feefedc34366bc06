import { faultOf, type RemoteFile } from './remote-file.js';

/**
 * The files of a commit as huggingface_hub keeps them, in `trees/<commit>.json` of a repository's folder: by path,
 * with the id of git's blob, and for those in large storage their SHA-256 and the hash of Xet.
 */
interface Listing {
  readonly format_version: typeof VERSION;
  readonly files: Readonly<Record<string, Entry>>;
}

interface Entry {
  readonly size: number;
  readonly blob_id: string;
  readonly lfs_sha256?: string;
  readonly lfs_size?: number;
  readonly xet_hash?: string;
}

const VERSION = 1;

/** Writes what {@link readListing} reads. */
export function writeListing(files: readonly RemoteFile[]): string {
  const sorted = [...files].sort((a, b) => (a.path < b.path ? -1 : 1));
  const listing: Listing = {
    format_version: VERSION,
    files: Object.fromEntries(sorted.map(file => [file.path, entryOf(file)])),
  };
  return JSON.stringify(listing, null, 1);
}

/** The files of a listing; undefined where it is of another form, and the hub has to be asked again. */
export function readListing(text: string): RemoteFile[] | undefined {
  try {
    const { format_version: version, files } = JSON.parse(text) as Partial<Listing>;
    if ((version as unknown) !== VERSION || files === undefined) return undefined;
    const all = Object.entries(files).map(([path, entry]) => fileOf(path, entry));
    return all.every(file => faultOf(file) === undefined) ? all : undefined;
  } catch {
    return undefined;
  }
}

function entryOf({ size, blobId, checksum, xetHash }: RemoteFile): Entry {
  return {
    size,
    blob_id: blobId,
    ...(checksum.kind === 'sha256' && { lfs_sha256: checksum.value, lfs_size: size }),
    ...(xetHash !== undefined && { xet_hash: xetHash }),
  };
}

function fileOf(path: string, entry: Entry): RemoteFile {
  const { size, blob_id: blobId, lfs_sha256: sha256, lfs_size: lfsSize, xet_hash: xetHash } = entry;
  return {
    path,
    size: lfsSize ?? size,
    blobId,
    checksum: sha256 === undefined ? { kind: 'git-blob', value: blobId } : { kind: 'sha256', value: sha256 },
    ...(xetHash !== undefined && { xetHash }),
  };
}
