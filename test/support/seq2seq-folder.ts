import { cp, mkdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import type { Test } from 'tap';
import { readSeq2SeqFixture } from './seq2seq-fixtures.js';
import { UNIGRAM } from './tiny-tokenizers.js';

/** A folder of a tiny encoder-decoder with T5's kind of tokenizer, in which can be built. */
export async function seq2seqFolder(t: Test, name = 't5'): Promise<string> {
  const folder = path.join(t.testdir(), name);
  await mkdir(folder);
  await cp((await readSeq2SeqFixture(name)).folder, folder, { recursive: true });
  await writeFile(path.join(folder, 'tokenizer.json'), JSON.stringify(UNIGRAM));
  return folder;
}
