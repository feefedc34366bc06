import { createRequire } from 'node:module';
import { existsSync, readdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { KvasirError } from '#errors.js';

/** Names of ONNX Runtime's shared library inside onnxruntime-node, by platform. */
const FILE_NAMES: Readonly<Record<string, RegExp>> = {
  linux: /^libonnxruntime\.so\.1$/,
  darwin: /^libonnxruntime\.1\.dylib$/,
  win32: /^onnxruntime\.dll$/,
};

/**
 * Folder of the shared libraries that the installed onnxruntime-node ships for a platform
 * (`process.platform`, `process.arch`).
 *
 * @throws KvasirError `runtime_unavailable` where onnxruntime-node is not installed.
 */
export function libraryFolder(platform: string = process.platform, arch: string = process.arch): string {
  let manifest: string;
  try {
    manifest = createRequire(import.meta.url).resolve('onnxruntime-node/package.json');
  } catch (cause) {
    throw new KvasirError('runtime_unavailable', 'the package onnxruntime-node is not installed', { cause });
  }
  return join(dirname(manifest), 'bin', 'napi-v6', platform, arch);
}

/**
 * Path of ONNX Runtime's shared library. `KVASIR_ONNXRUNTIME` in the environment names another one.
 *
 * @throws KvasirError `runtime_unavailable` where there is none for this platform.
 */
export function resolveLibrary(platform: string = process.platform, arch: string = process.arch): string {
  const override = process.env.KVASIR_ONNXRUNTIME;
  if (override) {
    if (existsSync(override)) return override;
    throw new KvasirError(
      'runtime_unavailable',
      `KVASIR_ONNXRUNTIME names ${override}, which does not exist`,
    );
  }
  const folder = libraryFolder(platform, arch);
  const pattern = FILE_NAMES[platform];
  const file =
    pattern && existsSync(folder) ? readdirSync(folder).find(name => pattern.test(name)) : undefined;
  if (file === undefined) {
    throw new KvasirError(
      'runtime_unavailable',
      `onnxruntime-node has no ONNX Runtime library for ${platform} ${arch} (looked in ${folder})`,
    );
  }
  return join(folder, file);
}
