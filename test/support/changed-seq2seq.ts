import { cp, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import type { Test } from 'tap';
import { SafetensorsFile } from '#graph/weights/safetensors.js';
import { writeSafetensors, type TestTensors } from './safetensors.js';
import { readSeq2SeqFixture } from './seq2seq-fixtures.js';

/** Changes to a fixture's folder. */
export interface FixtureChanges {
  /** Fields of config.json; undefined removes one. */
  readonly fields?: Readonly<Record<string, unknown>>;
  readonly tensors?: (tensors: TestTensors) => TestTensors;
}

/** A copy of a fixture's folder in the test's own, with changes. */
export async function copySeq2SeqFixture(
  t: Test,
  name: string,
  changes: FixtureChanges = {},
): Promise<string> {
  const folder = t.testdir();
  await cp((await readSeq2SeqFixture(name)).folder, folder, { recursive: true });
  if (changes.fields !== undefined) {
    const file = path.join(folder, 'config.json');
    const config = JSON.parse(await readFile(file, 'utf8')) as Record<string, unknown>;
    await writeFile(file, JSON.stringify({ ...config, ...changes.fields }));
  }
  if (changes.tensors !== undefined) {
    const file = path.join(folder, 'model.safetensors');
    const stored = await SafetensorsFile.open(file);
    const tensors: Record<string, TestTensors[string]> = {};
    for (const [tensor, { shape }] of stored.tensors)
      tensors[tensor] = { shape, values: Array.from(await stored.read(tensor)) };
    await stored.close();
    await writeSafetensors(file, changes.tensors(tensors));
  }
  return folder;
}
