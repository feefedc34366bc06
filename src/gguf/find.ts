import { readdir, stat } from 'node:fs/promises';
import path from 'node:path';
import { chooseGguf, isGgufFile } from './choose.js';

/** Weights that are taken where a folder has GGUF files beside them, unless one of these is asked for. */
const OTHER_WEIGHTS = /\.(safetensors|onnx)$|^pytorch_model(-\d+-of-\d+)?\.bin$/;

/**
 * The GGUF file that a place on this machine stands for: itself, or the one in a folder that has no other weights.
 *
 * @param place a path.
 * @param wanted which of several, as {@link chooseGguf} has it; it may be in a folder within the folder.
 * @returns the file, or its first part; undefined where the place is a folder of another kind, or nothing
 * @throws KvasirError as {@link chooseGguf}
 */
export async function findGguf(place: string, wanted?: string): Promise<string | undefined> {
  const found = await stat(place).catch(() => undefined);
  if (found?.isDirectory() !== true) return found !== undefined && isGgufFile(place) ? place : undefined;
  const names = await filesIn(place, wanted !== undefined);
  if (wanted === undefined && names.some(name => OTHER_WEIGHTS.test(name))) return undefined;
  const [first] = chooseGguf(names, wanted, place, file => path.join(place, file));
  return first === undefined ? undefined : path.join(place, first);
}

/** Files that are not hidden, and not in hidden folders, with `/` between folders. */
async function filesIn(folder: string, recursive: boolean): Promise<string[]> {
  const entries = await readdir(folder, { recursive, withFileTypes: true });
  return entries
    .filter(entry => !entry.isDirectory())
    .map(({ parentPath, name }) =>
      path.relative(folder, path.join(parentPath, name)).replaceAll(path.sep, '/'),
    )
    .filter(name => !name.split('/').some(part => part.startsWith('.')))
    .sort();
}
