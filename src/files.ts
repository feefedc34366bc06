import { constants, type Stats } from 'node:fs';
import { open, stat, type FileHandle } from 'node:fs/promises';
import { KvasirError } from '#errors.js';

/** Windows has no such flag, and no pipes among its files. */
const { O_RDONLY, O_NONBLOCK = 0 } = constants as { O_RDONLY: number; O_NONBLOCK?: number };

/** More is no description of a model: JavaScript's longest string is not much longer. */
const LONGEST_TEXT = 2 ** 29 - 2 ** 24;

/**
 * Opens a file of a model folder for reading. Links are followed, since hub caches consist of them. A pipe or
 * a device is refused before it is opened: opening one may wait for ever, or do something.
 *
 * @throws KvasirError `invalid_model`, naming the file, where it is missing, unreadable or no regular file
 */
export async function openRegularFile(file: string): Promise<FileHandle> {
  try {
    requireRegular(file, await stat(file));
    const handle = await open(file, O_RDONLY | O_NONBLOCK);
    try {
      // It may have been exchanged meanwhile.
      requireRegular(file, await handle.stat());
      return handle;
    } catch (error) {
      await handle.close();
      throw error;
    }
  } catch (cause) {
    throw unreadable(file, cause);
  }
}

/**
 * The text of a model folder's file.
 *
 * @throws KvasirError as {@link openRegularFile}
 */
export async function readTextFile(file: string): Promise<string> {
  return (await readBinaryFile(file, LONGEST_TEXT)).toString('utf8');
}

/**
 * The bytes of a model folder's file.
 *
 * @param longest more bytes than this are refused unread.
 * @throws KvasirError as {@link openRegularFile}; `invalid_model` where it is longer
 */
export async function readBinaryFile(file: string, longest: number): Promise<Buffer> {
  const handle = await openRegularFile(file);
  try {
    const { size } = await handle.stat();
    if (size > longest) throw new KvasirError('invalid_model', `${file}: ${size} bytes are too many`);
    return await handle.readFile();
  } catch (cause) {
    throw unreadable(file, cause);
  } finally {
    await handle.close();
  }
}

/**
 * The object in a JSON file of a model folder. Errors quote nothing of the file, which may be a link to
 * anything.
 *
 * @throws KvasirError `invalid_model` where the file cannot be read, is no JSON, or holds something else
 */
export async function readJsonObject(file: string): Promise<Record<string, unknown>> {
  const value = await readJson(file);
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw new KvasirError('invalid_model', `${file} is not a JSON object`);
  return value as Record<string, unknown>;
}

/**
 * What a JSON file of a model folder holds, see {@link readJsonObject}.
 *
 * @throws KvasirError `invalid_model`
 */
export async function readJson(file: string): Promise<unknown> {
  const text = await readTextFile(file);
  try {
    return parseJson(text);
  } catch (error) {
    const [, place] = /at position (\d+)/.exec((error as Error).message) ?? [];
    const where = place === undefined ? '' : ` (at character ${place})`;
    throw new KvasirError('invalid_model', `${file} is not valid JSON${where}`);
  }
}

/** Strings, and numbers that only Python's JSON has. */
const PYTHON_NUMBER = /"(?:[^"\\]|\\.)*"|-?Infinity|NaN/g;

/**
 * Parses JSON as Python writes it, which has `Infinity` and `-Infinity`, too. `NaN`, which no field means, becomes a
 * text, so that whoever reads the field refuses it by its name. transformers 5 has `{"__float__": "Infinity"}`.
 */
function parseJson(text: string): unknown {
  try {
    return JSON.parse(text, text.includes('"__float__"') ? taggedFloat : undefined);
  } catch (error) {
    if (!text.includes('Infinity') && !text.includes('NaN')) throw error;
    const plain = text.replace(PYTHON_NUMBER, found => {
      if (found.startsWith('"')) return found;
      return found === 'NaN' ? '"NaN"' : found.replace('Infinity', '1e999');
    });
    return JSON.parse(plain);
  }
}

function taggedFloat(_: string, value: unknown): unknown {
  if (typeof value !== 'object' || value === null || !('__float__' in value)) return value;
  const number = value.__float__;
  return number === 'Infinity' || number === '-Infinity' ? Number(number) : number;
}

/** The longest read that is asked of the file system at once. */
const LONGEST_READ = 2 ** 24;

/**
 * Fills `bytes` from a file, beginning at `position`.
 *
 * @param file what errors call it.
 * @throws KvasirError `invalid_model` where the file ends before, or cannot be read
 */
export async function readExactly(
  handle: FileHandle,
  file: string,
  bytes: Uint8Array,
  position: number,
): Promise<void> {
  for (let done = 0; done < bytes.byteLength;) {
    const length = Math.min(LONGEST_READ, bytes.byteLength - done);
    const { bytesRead } = await handle.read(bytes, done, length, position + done).catch((cause: Error) => {
      throw new KvasirError('invalid_model', `${file} cannot be read: ${cause.message}`, { cause });
    });
    if (bytesRead === 0)
      throw new KvasirError('invalid_model', `${file} ends at byte ${position + done}, sooner than it said`);
    done += bytesRead;
  }
}

/** The result of a read; undefined where there is no such file. */
export async function ifThere<T>(read: Promise<T>): Promise<T | undefined> {
  try {
    return await read;
  } catch (error) {
    if (((error as KvasirError).cause as NodeJS.ErrnoException | undefined)?.code === 'ENOENT')
      return undefined;
    throw error;
  }
}

function requireRegular(file: string, found: Stats): void {
  if (!found.isFile())
    throw new KvasirError('invalid_model', `${file} is ${kindOf(found)}, not a regular file`);
}

function kindOf(found: Stats): string {
  if (found.isDirectory()) return 'a folder';
  if (found.isFIFO()) return 'a pipe';
  return found.isSocket() ? 'a socket' : 'a device';
}

function unreadable(file: string, cause: unknown): unknown {
  if (cause instanceof KvasirError) return cause;
  const { code, message } = cause as NodeJS.ErrnoException;
  // What to do about it concerns the process, not the model.
  if (code === 'EMFILE' || code === 'ENFILE') return cause;
  return new KvasirError('invalid_model', `${file} cannot be opened: ${message}`, { cause });
}
