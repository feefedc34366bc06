import { cp } from 'node:fs/promises';
import t, { type Test } from 'tap';
import { SEQ2SEQ_PRECISIONS } from '#graph/build-seq2seq.js';
import type { Decoder } from '#model/decoder/contract.js';
import { relativeError } from '#test/support/check-decoder.js';
import { encode, openSeq2Seq } from '#test/support/check-seq2seq.js';
import { decode, prefill } from '#test/support/run-decoder.js';
import { readSpeechFixtures, type SpeechFixture } from '#test/support/speech-fixtures.js';

async function open(
  t: Test,
  { folder }: SpeechFixture,
  precision?: (typeof SEQ2SEQ_PRECISIONS)[number],
): Promise<Decoder> {
  const own = t.testdir();
  await cp(folder, own, { recursive: true });
  return openSeq2Seq(t, own, precision);
}

function listen(decoder: Decoder, { runs }: SpeechFixture): Promise<void> {
  return encode(
    decoder,
    runs.map(({ sound }, slot) => ({ slot, ids: [], sound })),
  );
}

for (const fixture of await readSpeechFixtures()) {
  t.test(`${fixture.name} agrees with transformers`, async t => {
    const decoder = await open(t, fixture);
    t.strictSame(decoder.source, {
      longest: fixture.shape.frames / 2,
      vocabularySize: 0,
      sound: fixture.shape,
    });
    await listen(decoder, fixture);
    for (const [slot, { target, logits }] of fixture.runs.entries()) {
      const error = relativeError(await prefill(decoder, slot, target, 0, 'all'), [[...logits]]);
      t.ok(error < 2e-5, `logits of slot ${slot}: ${error.toExponential(1)}`);
    }
    const drawn = fixture.runs.map(({ greedy }) => [greedy[0]!]);
    while (drawn[0]!.length < decoder.shape.contextLength) {
      const position = drawn[0]!.length - 1;
      const ids = drawn.map(own => own.at(-1)!);
      const logits = await decode(
        decoder,
        ids,
        ids.map(() => position),
      );
      const width = decoder.shape.vocabularySize;
      drawn.forEach((own, row) => {
        const values = logits.subarray(row * width, (row + 1) * width);
        own.push(values.indexOf(Math.max(...values)));
      });
    }
    t.strictSame(
      drawn,
      fixture.runs.map(({ greedy }) => greedy),
      'the most likely tokens',
    );
  });

  for (const precision of SEQ2SEQ_PRECISIONS.filter(one => one !== 'f32' && one !== 'stored'))
    t.test(`${fixture.name} in ${precision}`, async t => {
      const decoder = await open(t, fixture, precision);
      await listen(decoder, fixture);
      const [{ target, logits }] = fixture.runs as [SpeechFixture['runs'][0]];
      const found = await prefill(decoder, 0, target, 0, 'all');
      const [off, size] = [found.map((value, i) => value - logits[i]!), logits].map(values =>
        Math.hypot(...values),
      ) as [number, number];
      const limits = { int8: 0.12, w8a8: 0.25, int4: 0.8 };
      t.ok(off / size < limits[precision], `${off / size}`);
      t.ok(off / size > 1e-4, 'numbers are rounded');
    });
}
