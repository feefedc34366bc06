import { readdir } from 'node:fs/promises';
import t from 'tap';
import { SEQ2SEQ_PRECISIONS } from '#graph/build-seq2seq.js';
import {
  copySeq2SeqFixture,
  readSeq2SeqRuns,
  SEQ2SEQ_FIXTURES,
  type Seq2SeqRun,
} from '#test/support/seq2seq-fixtures.js';
import { Seq2SeqGraphs } from '#test/support/seq2seq-graphs.js';

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

/**
 * How far targets that are decoded one token after the other, all of them together as far as they reach, are
 * from what transformers gives.
 */
async function decodeTogether(graphs: Seq2SeqGraphs, runs: readonly Seq2SeqRun[]): Promise<number> {
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
    open.forEach(({ width, rows }, i) => {
      difference.see(logits.subarray(i * width, (i + 1) * width), rows(step));
    });
  }
  return difference.share;
}

for (const name of await readdir(SEQ2SEQ_FIXTURES)) {
  t.test(`${name} agrees with transformers`, async t => {
    const folder = await copySeq2SeqFixture(t, name);
    const runs = await readSeq2SeqRuns(name);
    const graphs = await Seq2SeqGraphs.open(folder, runs.length);
    t.teardown(() => graphs.dispose());
    const sources = runs.map(({ source }) => source);

    await graphs.encode(0, sources, 3);
    graphs.spoil(NaN);
    const together = await decodeTogether(graphs, runs);
    t.ok(together < 1e-5, `one token after the other, among others and NaN: ${together}`);

    const ragged = new Difference();
    graphs.spoil(0);
    for (const [slot, { target, rows }] of runs.entries()) {
      const half = Math.ceil(target.length / 2);
      ragged.see(await graphs.decode(slot, [target.slice(0, half)], [0]), rows(0, half));
      const rest = target.slice(half);
      if (rest.length > 0) ragged.see(await graphs.decode(slot, [rest], [half]), rows(half, target.length));
    }
    const cached = runs.map(({ target }) => target.length - 1);
    const last = await graphs.decode(
      0,
      runs.map(({ target }) => [target.at(-1)!]),
      cached,
    );
    runs.forEach(({ width, rows }, slot) => {
      ragged.see(last.subarray(slot * width, (slot + 1) * width), rows(cached[slot]!));
    });
    t.ok(ragged.share < 1e-5, `several tokens at once, and rows of different lengths: ${ragged.share}`);

    await graphs.encode(1, [sources[0]!]);
    const alone = await graphs.decode(1, [[runs[0]!.target[0]!]], [0]);
    await graphs.encode(0, [sources[0]!, sources[1]!], 1);
    const beside = await graphs.decode(0, [[runs[0]!.target[0]!]], [0]);
    t.strictSame(beside, alone, 'neither neighbours nor padding change a number');
  });

  t.test(`${name} in fewer bits`, async t => {
    const folder = await copySeq2SeqFixture(t, name);
    const runs = await readSeq2SeqRuns(name);
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
