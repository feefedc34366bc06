import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { access, chmod, constants, mkdir, mkdtemp, readFile, rename, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { storing, userCache } from '#storage.js';
import { huggingFaceModel } from './architectures/index.js';
import { pointTo, POINTER } from './pointer.js';
import { openGguf, type GgufFile } from './reader.js';
import { tokenizerFiles } from './tokenizer/index.js';

/** Folders of an older version are not used: raise it whenever other files come of a GGUF file. */
const VERSION = 1;

const FOLDER = '.kvasir';

/**
 * A folder as Hugging Face has them for a GGUF file: configuration, tokenizer and chat template, and a pointer to the
 * file, which keeps the weights. Made once, beside the file or in the user's cache, and again when the file changes.
 *
 * @param file any part of it, where it was split.
 * @returns the folder
 * @throws KvasirError `invalid_model` where the file is broken; `unsupported_model` where something of it is not
 * known; `storage_full`; `invalid_configuration` where no folder can be made
 */
export async function unfoldGguf(file: string): Promise<string> {
  const gguf = await openGguf(file);
  try {
    const pointer = JSON.stringify({ version: VERSION, files: await pointTo(gguf.paths) });
    const folder = await folderFor(gguf.path);
    const current = await readFile(path.join(folder, POINTER), 'utf8').catch(() => undefined);
    if (current !== pointer) await writeWhole(folder, await contentsOf(gguf, pointer));
    return folder;
  } finally {
    await gguf.close();
  }
}

/** The contents of the folder by name; names may begin with a folder. */
async function contentsOf(
  file: GgufFile,
  pointer: string,
): Promise<ReadonlyMap<string, string | Uint8Array>> {
  const { config, files } = await huggingFaceModel(file);
  return new Map<string, string | Uint8Array>([
    ...tokenizerFiles(file.metadata),
    ...files,
    ['config.json', JSON.stringify(config, undefined, 2)],
    [POINTER, pointer],
  ]);
}

/** A folder named after the file, in `.kvasir` beside it, or in the user's cache where that cannot be written to. */
async function folderFor(file: string): Promise<string> {
  const absolute = path.resolve(file);
  const [parent, name] = [path.dirname(absolute), path.basename(absolute)];
  const beside = path.join(parent, FOLDER);
  try {
    await access(existsSync(beside) ? beside : parent, constants.W_OK);
    return path.join(beside, name);
  } catch {
    const hash = createHash('sha256').update(absolute).digest('hex').slice(0, 16);
    return path.join(userCache(), `${name}-${hash}`);
  }
}

/** Writes a folder beside its place and moves it there, so that it is seen whole or not at all. */
async function writeWhole(folder: string, contents: ReadonlyMap<string, string | Uint8Array>): Promise<void> {
  await storing(folder, async () => {
    await mkdir(path.dirname(folder), { recursive: true });
    const partial = await mkdtemp(`${folder}.`);
    try {
      for (const [name, content] of contents) {
        const file = path.join(partial, name);
        await mkdir(path.dirname(file), { recursive: true });
        await writeFile(file, content);
      }
      await chmod(partial, 0o755);
      await rm(folder, { recursive: true, force: true });
      await rename(partial, folder).catch((error: unknown) => {
        // Another process was faster.
        if (!existsSync(path.join(folder, POINTER))) throw error;
      });
    } finally {
      await rm(partial, { recursive: true, force: true });
    }
  });
}
