import { cp, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Test } from 'tap';
import { SafetensorsFile } from '#graph/weights/safetensors.js';
import { fixtureFloats } from './decoder-fixtures.js';
import { writeSafetensors, type TestTensors } from './safetensors.js';

/** Tiny encoder-decoders of every family with what transformers gives for them, see `test/fixtures/make_seq2seq.py`. */
export const SEQ2SEQ_FIXTURES = fileURLToPath(new URL('../../../test/fixtures/seq2seq/', import.meta.url));

/** A source, a target, and the logits of the target's tokens. */
export interface Seq2SeqRun {
  readonly source: readonly number[];
  readonly target: readonly number[];
  /** Tokens of the decoder's vocabulary. */
  readonly width: number;
  /** Logits of the target's tokens from the first to before the last; by default of one. */
  readonly rows: (first: number, last?: number) => Float32Array;
}

/** What transformers gives for a fixture, longest targets first. */
export async function readSeq2SeqRuns(name: string): Promise<Seq2SeqRun[]> {
  const file = path.join(SEQ2SEQ_FIXTURES, name, 'expected.json');
  const { runs } = JSON.parse(await readFile(file, 'utf8')) as {
    runs: { source: number[]; target: number[]; logits: string }[];
  };
  return runs
    .map(({ source, target, logits }) => {
      const values = fixtureFloats(logits);
      const width = values.length / target.length;
      return {
        source,
        target,
        width,
        rows: (first: number, last = first + 1) => values.subarray(first * width, last * width),
      };
    })
    .sort((a, b) => b.target.length - a.target.length);
}

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
  await cp(path.join(SEQ2SEQ_FIXTURES, name), folder, { recursive: true });
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
