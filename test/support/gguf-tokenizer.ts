import { mkdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { GgufMetadata, type GgufValue } from '#gguf/metadata.js';
import { openGguf } from '#gguf/reader.js';
import { tokenizerFiles } from '#gguf/tokenizer/index.js';
import { loadTokenizer } from '#text/tokenizer.js';
import type { Tokenizer } from '#text/types.js';

/** Tokenizers that llama.cpp's converter has written: see `test/fixtures/make_gguf_tokenizers.py`. */
export const GGUF_TOKENIZERS = fileURLToPath(
  new URL('../../../test/fixtures/gguf-tokenizers/', import.meta.url),
);

/** The metadata of one of them, with others in place of some; undefined takes a key away. */
export async function tokenizerMetadata(
  name: string,
  changes: Readonly<Record<string, GgufValue | undefined>> = {},
): Promise<GgufMetadata> {
  const gguf = await openGguf(path.join(GGUF_TOKENIZERS, `${name}.gguf`));
  await gguf.close();
  const { metadata } = gguf;
  const values = new Map([...metadata.keys()].map(key => [key, metadata.get(key)!]));
  for (const [key, value] of Object.entries(changes)) {
    if (value === undefined) values.delete(key);
    else values.set(key, value);
  }
  return new GgufMetadata(`${name}.gguf`, values);
}

/** The tokenizer that a GGUF file's metadata describe, by way of the files that they are unfolded to. */
export async function ggufTokenizer(folder: string, metadata: GgufMetadata): Promise<Tokenizer> {
  for (const [name, contents] of tokenizerFiles(metadata)) {
    const file = path.join(folder, name);
    await mkdir(path.dirname(file), { recursive: true });
    await writeFile(file, contents);
  }
  return loadTokenizer(folder);
}
