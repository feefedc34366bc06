import { cp, mkdir, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import type { Test } from 'tap';
import { readSeq2SeqFixture } from './seq2seq-fixtures.js';
import { UNIGRAM } from './tiny-tokenizers.js';

/** The folders of tests, which `testdir` would empty each time. */
const roots = new WeakMap<Test, string>();

/** A folder of a tiny encoder-decoder with T5's kind of tokenizer, in which can be built; one that the test has by that name goes. */
export async function seq2seqFolder(t: Test, name = 't5', called = name): Promise<string> {
  const root = roots.get(t) ?? t.testdir();
  roots.set(t, root);
  const folder = path.join(root, called);
  await rm(folder, { recursive: true, force: true });
  await mkdir(folder);
  await cp((await readSeq2SeqFixture(name)).folder, folder, { recursive: true });
  await writeFile(path.join(folder, 'tokenizer.json'), JSON.stringify(UNIGRAM));
  return folder;
}
