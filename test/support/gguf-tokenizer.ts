import { mkdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import type { GgufMetadata } from '#gguf/metadata.js';
import { tokenizerFiles } from '#gguf/tokenizer/index.js';
import { loadTokenizer } from '#text/tokenizer.js';
import type { Tokenizer } from '#text/types.js';

/** The tokenizer that a GGUF file's metadata describe, by way of the files that they are unfolded to. */
export async function ggufTokenizer(folder: string, metadata: GgufMetadata): Promise<Tokenizer> {
  for (const [name, contents] of tokenizerFiles(metadata)) {
    const file = path.join(folder, name);
    await mkdir(path.dirname(file), { recursive: true });
    await writeFile(file, contents);
  }
  return loadTokenizer(folder);
}
