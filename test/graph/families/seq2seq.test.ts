import { cp, readdir, readFile } from 'node:fs/promises';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import t, { type Test } from 'tap';
import { buildSeq2Seq, checkSeq2Seq, SEQ2SEQ_PRECISIONS } from '#graph/build-seq2seq.js';
import { fixtureFloats } from '#test/support/decoder-fixtures.js';
import { Seq2SeqGraphs } from '#test/support/seq2seq-graphs.js';

/** Tiny models of every family with what transformers gives for them, see `test/fixtures/make_seq2seq.py`. */
const FIXTURES = fileURLToPath(new URL('../../../../test/fixtures/seq2seq/', import.meta.url));

interface Expected {
  readonly runs: readonly {
    readonly source: readonly number[];
    readonly target: readonly number[];
    /** Float32 `[target, vocabulary]`, as base64. */
    readonly logits: string;
  }[];
}

/** How far logits are from those that are wanted, as a share of these: roots of mean squares. */
class Difference {
  #off = 0;
  #size = 0;

  see(actual: Float32Array, wanted: Float32Array): void {
    wanted.forEach((value, i) => {
      this.#off += (value - actual[i]!) ** 2;
      this.#size += value ** 2;
    });
  }

  get share(): number {
    return Math.sqrt(this.#off / this.#size);
  }
}

async function copyFixture(t: Test, name: string): Promise<string> {
  const folder = t.testdir();
  await cp(path.join(FIXTURES, name), folder, { recursive: true });
  return folder;
}

async function readRuns(name: string) {
  const { runs } = JSON.parse(await readFile(path.join(FIXTURES, name, 'expected.json'), 'utf8')) as Expected;
  return runs.map(({ source, target, logits }) => {
    const values = fixtureFloats(logits);
    const width = values.length / target.length;
    return {
      source,
      target,
      width,
      row: (first: number, last = first + 1) => values.subarray(first * width, last * width),
    };
  });
}

/**
 * How far targets that are decoded one token after the other, all of them together as far as they reach, are
 * from what transformers gives.
 */
async function decodeTogether(
  graphs: Seq2SeqGraphs,
  runs: Awaited<ReturnType<typeof readRuns>>,
): Promise<number> {
  const difference = new Difference();
  // The longest come first, so that those that still run are neighbours.
  const longest = runs[0]!.target.length;
  for (let step = 0; step < longest; step++) {
    const open = runs.filter(({ target }) => step < target.length);
    const logits = await graphs.decode(
      0,
      open.map(({ target }) => [target[step]!]),
      open.map(() => step),
    );
    open.forEach(({ width, row }, i) => {
      difference.see(logits.subarray(i * width, (i + 1) * width), row(step));
    });
  }
  return difference.share;
}

for (const name of await readdir(FIXTURES)) {
  t.test(`${name} agrees with transformers`, async t => {
    const folder = await copyFixture(t, name);
    const runs = (await readRuns(name)).sort((a, b) => b.target.length - a.target.length);
    const graphs = await Seq2SeqGraphs.open(folder, runs.length);
    t.teardown(() => graphs.dispose());
    const sources = runs.map(({ source }) => source);

    await graphs.encode(0, sources, 3);
    graphs.spoil(NaN);
    const together = await decodeTogether(graphs, runs);
    t.ok(together < 1e-5, `one token after the other, among others and NaN: ${together}`);

    const ragged = new Difference();
    graphs.spoil(0);
    for (const [slot, { target, row }] of runs.entries()) {
      const half = Math.ceil(target.length / 2);
      ragged.see(await graphs.decode(slot, [target.slice(0, half)], [0]), row(0, half));
      const rest = target.slice(half);
      if (rest.length > 0) ragged.see(await graphs.decode(slot, [rest], [half]), row(half, target.length));
    }
    const cached = runs.map(({ target }) => target.length - 1);
    const last = await graphs.decode(
      0,
      runs.map(({ target }) => [target.at(-1)!]),
      cached,
    );
    runs.forEach(({ width, row }, slot) => {
      ragged.see(last.subarray(slot * width, (slot + 1) * width), row(cached[slot]!));
    });
    t.ok(ragged.share < 1e-5, `several tokens at once, and rows of different lengths: ${ragged.share}`);

    await graphs.encode(1, [sources[0]!]);
    const alone = await graphs.decode(1, [[runs[0]!.target[0]!]], [0]);
    await graphs.encode(0, [sources[0]!, sources[1]!], 1);
    const beside = await graphs.decode(0, [[runs[0]!.target[0]!]], [0]);
    t.strictSame(beside, alone, 'neither neighbours nor padding change a number');
  });

  t.test(`${name} in fewer bits`, async t => {
    const folder = await copyFixture(t, name);
    const runs = (await readRuns(name)).sort((a, b) => b.target.length - a.target.length);
    const limits = { f32: 1e-5, int8: 0.12, w8a8: 0.25, int4: 0.8 };
    for (const precision of SEQ2SEQ_PRECISIONS) {
      const graphs = await Seq2SeqGraphs.open(folder, runs.length, { precision });
      t.teardown(() => graphs.dispose());
      await graphs.encode(
        0,
        runs.map(({ source }) => source),
      );
      const share = await decodeTogether(graphs, runs);
      t.ok(share < limits[precision], `${precision}: ${share}`);
      if (precision !== 'f32') t.ok(share > 1e-4, `${precision} rounds`);
    }
  });
}

t.test('what a build does not do is refused', async t => {
  const folder = await copyFixture(t, 'bart');
  const refused = { code: 'invalid_configuration', message: /f32, int8, w8a8, int4/ };
  await t.rejects(checkSeq2Seq(folder, { precision: 'f16' }), refused);
  await t.rejects(buildSeq2Seq(folder, { halfFloats: true }), refused);
  await t.rejects(buildSeq2Seq(folder, { cache: 'paged' }), refused);
  await t.resolves(checkSeq2Seq(folder));
});
