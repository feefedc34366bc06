import { stat } from 'node:fs/promises';
import path from 'node:path';
import { KvasirError } from '#errors.js';
import { readJsonObject } from '#files.js';

/** The file of an unfolded folder that says which GGUF file has its weights. */
export const POINTER = 'model.gguf.json';

/** What a GGUF file, or one of its parts, was when its folder was made. */
export interface PointedFile {
  /** Absolute. */
  readonly path: string;
  readonly size: number;
  /** Time of the last change, in milliseconds. */
  readonly mtimeMs: number;
}

/** What there is to say of a GGUF file and its parts, in order. */
export async function pointTo(paths: readonly string[]): Promise<readonly PointedFile[]> {
  return Promise.all(
    paths.map(async file => {
      const { size, mtimeMs } = await stat(file);
      return { path: path.resolve(file), size, mtimeMs };
    }),
  );
}

/**
 * The GGUF file that a pointer means: its first part.
 *
 * @throws KvasirError `invalid_model` where the pointer is broken, or one of the parts is not there any more, or is
 * not what it was
 */
export async function pointedFile(pointer: string): Promise<string> {
  const { files } = await readJsonObject(pointer);
  const parts = Array.isArray(files) ? (files as readonly Partial<PointedFile>[]) : [];
  const [first] = parts;
  if (typeof first?.path !== 'string') throw new KvasirError('invalid_model', `${pointer} names no file`);
  for (const part of parts) {
    const found = await stat(String(part.path)).catch(() => undefined);
    if (found?.size !== part.size || found?.mtimeMs !== part.mtimeMs)
      throw new KvasirError(
        'invalid_model',
        `${String(part.path)} is not the file any more that ${pointer} was made of: name the GGUF file itself, so that it is read again`,
      );
  }
  return first.path;
}
