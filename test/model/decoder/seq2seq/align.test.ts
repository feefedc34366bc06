import { cp } from 'node:fs/promises';
import t, { type Test } from 'tap';
import type { Decoder } from '#model/decoder/contract.js';
import type { AlignmentHead } from '#model/decoder/seq2seq/aligned-rows.js';
import { relativeError } from '#test/support/check-decoder.js';
import { encode, openSeq2Seq } from '#test/support/check-seq2seq.js';
import { decode, prefill } from '#test/support/run-decoder.js';
import { readSeq2SeqFixture } from '#test/support/seq2seq-fixtures.js';
import { readSpeechFixture, type SpeechFixture, type SpeechRun } from '#test/support/speech-fixtures.js';

async function open(t: Test, { folder, runs }: SpeechFixture): Promise<Decoder> {
  const own = t.testdir();
  await cp(folder, own, { recursive: true });
  const decoder = await openSeq2Seq(t, own);
  await encode(
    decoder,
    runs.map(({ sound }, slot) => ({ slot, ids: [], sound })),
  );
  return decoder;
}

/** What transformers has of some heads, `[heads, tokens, positions]`. */
function looksOf(
  { looks, target }: SpeechRun,
  fixture: SpeechFixture,
  wanted: readonly AlignmentHead[],
): number[] {
  const heads = fixture.config.decoder_attention_heads as number;
  const size = (target.length * fixture.shape.frames) / 2;
  return wanted.flatMap(({ layer, head }) => [
    ...looks.subarray((layer * heads + head) * size, (layer * heads + head + 1) * size),
  ]);
}

const NAMED = [
  { layer: 0, head: 1 },
  { layer: 1, head: 0 },
];
/** Of three layers of two heads, the upper half. */
const DEFAULT = [1, 2].flatMap(layer => [0, 1].map(head => ({ layer, head })));

for (const [name, wanted] of [
  ['whisper', NAMED],
  ['whisper-128', DEFAULT],
] as const)
  t.test(`${name}: where tokens look, as transformers has it`, async t => {
    const fixture = await readSpeechFixture(name);
    const decoder = await open(t, fixture);
    for (const [slot, run] of fixture.runs.entries()) {
      const { heads, weights, logits } = await decoder.align!(slot, run.target);
      t.equal(heads, wanted.length);
      const expected = looksOf(run, fixture, wanted);
      t.equal(weights.length, expected.length);
      const off = Math.max(...weights.map((weight, i) => Math.abs(weight - expected[i]!)));
      t.ok(off < 1e-5, `weights of slot ${slot}: ${off.toExponential(1)}`);
      const error = relativeError(logits, [[...run.logits]]);
      t.ok(error < 2e-5, `logits of slot ${slot}: ${error.toExponential(1)}`);
    }
  });

t.test('a slot goes on as if nothing had been aligned in it', async t => {
  const fixture = await readSpeechFixture('whisper');
  const decoder = await open(t, fixture);
  const [{ target, logits }] = fixture.runs as [SpeechRun];
  const width = decoder.shape.vocabularySize;
  await decoder.align!(0, target.slice(0, 9));
  await prefill(decoder, 0, target.slice(0, 5), 0, 'none');
  const row = await decode(decoder, [target[5]!], [5]);
  t.ok(relativeError(row, [[...logits.subarray(5 * width, 6 * width)]]) < 2e-5);
});

t.test('nobody looks for where a text is heard in a text', async t => {
  const { folder } = await readSeq2SeqFixture('bart');
  const own = t.testdir();
  await cp(folder, own, { recursive: true });
  t.equal((await openSeq2Seq(t, own)).align, undefined);
});
