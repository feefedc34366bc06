import path from 'node:path';
import { KvasirError } from '#errors.js';
import { partsOf } from './reader.js';

const GGUF = /\.gguf$/i;
const PART = /-\d{5}-of-\d{5}$/;

/** Files that are no language model: what sees and hears for one (`mmproj`), and what quantizing was led by. */
const COMPANION = /(^|[-_.])(mmproj|imatrix)([-_.]|$)/i;

/** True for the names of GGUF files. */
export function isGgufFile(name: string): boolean {
  return GGUF.test(name);
}

/** True for the names of GGUF files that are models of their own. */
export function isGgufModel(name: string): boolean {
  return isGgufFile(name) && !COMPANION.test(path.basename(name));
}

/** A GGUF file's name without what only files need: `.gguf`, and which part it is. */
export function ggufStem(name: string): string {
  return path.basename(name).replace(GGUF, '').replace(PART, '');
}

/**
 * Chooses a model among GGUF files.
 *
 * @param names of files, with `/` between folders; those that are no models of their own are passed over.
 * @param wanted how it is quantized (`Q4_K_M`: what a file's name ends with, or a folder's), or the name of a
 * file; undefined: there has to be one model only.
 * @param place where they are, as errors call it.
 * @param example how one of several is named: given a file's name and how it seems to be quantized.
 * @returns the file, or all parts of one that was split; none where nothing is a GGUF model
 * @throws KvasirError `invalid_configuration`, listing the files, where none is meant, or several;
 * `invalid_model` where a part is missing
 */
export function chooseGguf(
  names: readonly string[],
  wanted: string | undefined,
  place: string,
  example: (file: string, quantization: string) => string,
): readonly string[] {
  const firsts = names.filter(isGgufModel).filter(name => {
    const [first] = partNames(name);
    return first === name || !names.includes(first!);
  });
  const chosen = wanted === undefined ? firsts : firsts.filter(name => isMeant(name, wanted));
  const [name, ...others] = chosen;
  if (name === undefined && wanted === undefined) return [];
  if (name === undefined || others.length > 0) {
    const fault =
      name === undefined ? `no GGUF file of ${place} is '${wanted}'` : `${place} has several GGUF files`;
    throw new KvasirError('invalid_configuration', `${fault}: ${listed(firsts, example)}`);
  }
  const parts = partNames(name);
  const missing = parts.filter(part => !names.includes(part));
  if (missing.length > 0)
    throw new KvasirError('invalid_model', `${place} has ${name}, but not ${missing.join(', ')}`);
  return parts;
}

function partNames(name: string): string[] {
  return partsOf(name).map(part => part.replaceAll(path.sep, '/'));
}

function listed(firsts: readonly string[], example: (file: string, quantization: string) => string): string {
  if (firsts.length === 0) return 'there are none';
  const [first] = firsts as readonly [string];
  return `${firsts.join(', ')}; one of them is named like ${example(first, quantizationOf(first))}`;
}

function isMeant(name: string, wanted: string): boolean {
  if (name === wanted || path.basename(name) === wanted) return true;
  const end = wanted.toLowerCase();
  return [ggufStem(name), path.posix.dirname(name)].some(part => {
    const text = part.toLowerCase();
    const before = text.at(-end.length - 1);
    return text.endsWith(end) && (before === undefined || /[-./]/.test(before));
  });
}

/** What a name ends with: `Q4_K_M` of `Qwen3-0.6B-Q4_K_M.gguf`. */
function quantizationOf(name: string): string {
  return /(?:^|[-.])((?:UD-)?[^-.]+)$/i.exec(ggufStem(name))?.[1] ?? name;
}
