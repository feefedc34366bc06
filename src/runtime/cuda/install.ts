import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { copyFile, mkdtemp, rename, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { tmpdir } from 'node:os';
import { run } from './process.js';
import { KvasirError } from '#errors.js';

/** A file known by its size and checksum. */
export interface KnownFile {
  readonly bytes: number;
  /** Hexadecimal. */
  readonly sha512: string;
}

/** A package of the npm registry with a provider in it. */
export interface ProviderPackage {
  /** In npm's notation, `name@version`. */
  readonly name: string;
  /** The version of ONNX Runtime that it belongs to. */
  readonly runtime: string;
  readonly archive: KnownFile;
  /** Keys are paths in the archive. */
  readonly files: Readonly<Record<string, KnownFile>>;
}

const FOLDER = 'package/Plugins/Linux/x64';

/** ONNX Runtime's CUDA provider for CUDA 13, as the author of a Unity plugin publishes it. */
export const CUDA_PROVIDER: ProviderPackage = {
  name: 'com.github.asus4.onnxruntime.linux-x64-gpu@0.4.9',
  runtime: '1.29.0',
  archive: {
    bytes: 179_145_956,
    sha512: Buffer.from(
      'FopIhNE/Ng+v2X65wVc9clPCBCvhvA53Hxo2U0Kf5fGdVsC7iCA+mZ0KLWggcQAj7TIZ6pNidR4AC10g74Xo6w==',
      'base64',
    ).toString('hex'),
  },
  files: {
    [`${FOLDER}/libonnxruntime_providers_cuda.so`]: {
      bytes: 229_780_440,
      sha512:
        'f6e7f79df6dc0781bcbf0c9397c506147453eebe355e436339377e466f9919f7bd79349471932f04e4bd1bc058a80d6ad08f852966c944cd3619bcf882f5de63',
    },
    [`${FOLDER}/libonnxruntime_providers_shared.so`]: {
      bytes: 14_632,
      sha512:
        '716421b811e99769e66441de72bc0dab5da9df8a669f75385c26b046879c07caaee49ec29da27cfb54558e103fc4d3ae9ab1e26161e6d17f93332a6665971f70',
    },
  },
};

interface InstallOptions {
  /** Version of the ONNX Runtime to install the provider for. */
  readonly runtime: string;
  /** Folder of ONNX Runtime's library. */
  readonly folder: string;
  /** The package's archive if it was fetched before; by default npm fetches it. */
  readonly archive?: string | undefined;
}

/**
 * Installs a provider beside ONNX Runtime's library. Every file is checked by size and SHA-512 before it is
 * put in its place.
 *
 * @returns the files' paths.
 * @throws KvasirError `download_failed`; `invalid_configuration` for a provider of another version, or a
 * folder that cannot be written; `storage_full`
 */
export async function installProvider(
  provider: ProviderPackage,
  { runtime, folder, archive: given }: InstallOptions,
): Promise<string[]> {
  if (runtime !== provider.runtime)
    throw new KvasirError(
      'invalid_configuration',
      `${provider.name} is for ONNX Runtime ${provider.runtime}, but this is ${runtime}`,
    );
  const work = await mkdtemp(join(tmpdir(), 'kvasir-cuda-'));
  try {
    const archive = given ?? (await fetchArchive(provider.name, work));
    await verify(archive, provider.archive);
    await run('tar', ['-xzf', archive, '-C', work, ...Object.keys(provider.files)]);
    for (const [path, known] of Object.entries(provider.files)) await verify(join(work, path), known);
    const installed: string[] = [];
    for (const path of Object.keys(provider.files)) {
      const target = join(folder, path.slice(path.lastIndexOf('/') + 1));
      await place(join(work, path), target);
      installed.push(target);
    }
    return installed;
  } finally {
    await rm(work, { recursive: true, force: true });
  }
}

/** Fetches with npm, so that the registry, proxies and credentials are those that the user has set up. */
async function fetchArchive(name: string, folder: string): Promise<string> {
  const output = await run('npm', ['pack', name, '--json', '--pack-destination', folder], folder);
  const file = /"filename":\s*"([^"]+)"/.exec(output)?.[1];
  if (file === undefined) throw new KvasirError('download_failed', `npm pack ${name} reported no file`);
  return join(folder, file);
}

async function verify(file: string, { bytes, sha512 }: KnownFile): Promise<void> {
  const size = await stat(file).then(
    found => found.size,
    () => undefined,
  );
  if (size === undefined) throw new KvasirError('download_failed', `${file} does not exist`);
  const hash = createHash('sha512');
  if (size === bytes) for await (const chunk of createReadStream(file)) hash.update(chunk as Buffer);
  if (size !== bytes || hash.digest('hex') !== sha512)
    throw new KvasirError('download_failed', `${file} has the wrong size or SHA-512 checksum`);
}

/** Copies a file so that it becomes visible whole or not at all. */
async function place(source: string, target: string): Promise<void> {
  const partial = `${target}.partial`;
  try {
    await copyFile(source, partial);
    await rename(partial, target);
  } catch (cause) {
    await rm(partial, { force: true });
    const { code, message } = cause as NodeJS.ErrnoException;
    throw new KvasirError(
      code === 'ENOSPC' ? 'storage_full' : 'invalid_configuration',
      `${target} cannot be written: ${message}`,
      { cause },
    );
  }
}
