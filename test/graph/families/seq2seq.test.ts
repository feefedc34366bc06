import t, { type Test } from 'tap';
import { SEQ2SEQ_PRECISIONS } from '#graph/build-seq2seq.js';
import type { Decoder } from '#model/decoder/contract.js';
import { copySeq2SeqFixture } from '#test/support/changed-seq2seq.js';
import { SLOTS } from '#test/support/check-decoder.js';
import { encode, openSeq2Seq } from '#test/support/check-seq2seq.js';
import { decode, prefill } from '#test/support/run-decoder.js';
import { readSeq2SeqFixtures, type Seq2SeqRun } from '#test/support/seq2seq-fixtures.js';

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

/** Longest targets first, as many as there are slots. */
function inSlots(runs: readonly Seq2SeqRun[]): Seq2SeqRun[] {
  return [...runs].sort((a, b) => b.target.length - a.target.length).slice(0, SLOTS);
}

/** Logits of a run's position. */
function rowOf({ target, logits }: Seq2SeqRun, position: number): Float32Array {
  const width = logits.length / target.length;
  return logits.subarray(position * width, (position + 1) * width);
}

/** How far targets that are decoded together, one token after the other, are from what transformers gives. */
async function decodeTogether(decoder: Decoder, runs: readonly Seq2SeqRun[]): Promise<number> {
  const difference = new Difference();
  const { vocabularySize } = decoder.shape;
  await encode(
    decoder,
    runs.map(({ source }, slot) => ({ slot, ids: source })),
  );
  for (let step = 0; step < runs[0]!.target.length; step++) {
    // The longest come first, so that those that still run are neighbours.
    const open = runs.filter(({ target }) => step < target.length);
    const logits = await decode(
      decoder,
      open.map(({ target }) => target[step]!),
      open.map(() => step),
    );
    open.forEach((run, i) => {
      difference.see(logits.subarray(i * vocabularySize, (i + 1) * vocabularySize), rowOf(run, step));
    });
  }
  return difference.share;
}

async function openFixture(t: Test, name: string, precision?: (typeof SEQ2SEQ_PRECISIONS)[number]) {
  return openSeq2Seq(t, await copySeq2SeqFixture(t, name), precision);
}

const fixtures = await readSeq2SeqFixtures();

for (const { name, runs: all } of fixtures) {
  t.test(`${name} agrees with transformers`, async t => {
    const decoder = await openFixture(t, name);
    const runs = inSlots(all);
    const together = await decodeTogether(decoder, runs);
    t.ok(together < 1e-5, `one token after the other, among others: ${together}`);
    const atOnce = new Difference();
    for (const [slot, { target, logits }] of runs.entries())
      atOnce.see(await prefill(decoder, slot, target, 0, 'all'), logits);
    t.ok(atOnce.share < 1e-5, `all tokens at once: ${atOnce.share}`);

    const [first, second] = runs as [Seq2SeqRun, Seq2SeqRun];
    await encode(decoder, [{ slot: 1, ids: second.source }]);
    const alone = await prefill(decoder, 1, second.target, 0, 'all');
    await encode(decoder, [
      { slot: 0, ids: first.source },
      { slot: 1, ids: second.source },
    ]);
    const beside = await prefill(decoder, 1, second.target, 0, 'all');
    t.strictSame(beside, alone, 'neither neighbours nor padding change a number');
  });
}

// Norms after and before, a feed-forward layer with a gate; `seq2seq-formulas.test.ts` has the other families.
for (const { name, runs } of fixtures.filter(({ name: one }) =>
  ['bart', 'm2m_100', 't5-gated'].includes(one),
))
  for (const precision of SEQ2SEQ_PRECISIONS.filter(one => one !== 'f32' && one !== 'stored'))
    t.test(`${name} in ${precision}`, async t => {
      const decoder = await openFixture(t, name, precision);
      const share = await decodeTogether(decoder, inSlots(runs));
      const limits = { int8: 0.12, w8a8: 0.25, int4: 0.8 };
      t.ok(share < limits[precision], `${share}`);
      t.ok(share > 1e-4, 'numbers are rounded');
    });
