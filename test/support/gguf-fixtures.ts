import { cp, readFile } from 'node:fs/promises';
import path from 'node:path';
import { unfoldGguf } from '#gguf/unfold.js';

const FOLDER = path.join(import.meta.dirname, '../../../test/fixtures/gguf');

/** Blocks of a type, and what Python's gguf makes of them. */
export interface BlockFixture {
  readonly bytes: Uint8Array;
  readonly values: Float32Array;
}

/** Types by their names. */
export async function blockFixtures(): Promise<ReadonlyMap<string, BlockFixture>> {
  const text = await readFile(path.join(FOLDER, 'blocks.json'), 'utf8');
  const types = JSON.parse(text) as Record<string, { bytes: string; values: string }>;
  return new Map(
    Object.entries(types).map(([name, { bytes, values }]) => [
      name,
      { bytes: Uint8Array.from(Buffer.from(bytes, 'base64')), values: floats(values) },
    ]),
  );
}

/** A model that llama.cpp's converter has written, and what transformers gives for its numbers. */
export interface ModelFixture {
  readonly ids: readonly number[];
  /** Logits or hidden states, row by row. */
  readonly values: Float32Array;
}

export async function modelFixture(name: string): Promise<ModelFixture> {
  const text = await readFile(path.join(FOLDER, `${name}.json`), 'utf8');
  const { ids, values } = JSON.parse(text) as { ids: number[]; values: string };
  return { ids, values: floats(values) };
}

/** Copies a model's file. @returns its path */
export async function copyModel(name: string, folder: string): Promise<string> {
  const file = path.join(folder, `${name}.gguf`);
  await cp(path.join(FOLDER, `${name}.gguf`), file);
  return file;
}

/** Copies a model's file, and unfolds it. @returns the folder */
export async function unfoldModel(name: string, folder: string): Promise<string> {
  return unfoldGguf(await copyModel(name, folder));
}

function floats(base64: string): Float32Array {
  return new Float32Array(Uint8Array.from(Buffer.from(base64, 'base64')).buffer);
}
