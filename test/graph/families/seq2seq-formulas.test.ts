/**
 * Every family of encoder-decoders against its formulas in float64, with heads that the graphs must pad: in
 * floats closely, in 8 bits roughly.
 */
import t from 'tap';
import { similarity } from '#test/support/check-decoder.js';
import {
  checkSeq2Seq,
  encode,
  openTinySeq2Seq,
  randomSource,
  sourceEntry,
} from '#test/support/check-seq2seq.js';
import { SEQ2SEQ_MODELS } from '#test/support/models/seq2seq.js';
import { randomIds } from '#test/support/random-tensors.js';
import { prefill } from '#test/support/run-decoder.js';

for (const model of SEQ2SEQ_MODELS) {
  t.test(model.name, async t => {
    await checkSeq2Seq(t, await openTinySeq2Seq(t, model), model.reference);
  });

  for (const precision of ['int8', 'w8a8'] as const)
    t.test(`${model.name}, ${precision}`, async t => {
      const decoder = await openTinySeq2Seq(t, model, precision);
      const source = randomSource(decoder.source!, decoder.source!.longest, 1);
      const target = randomIds(decoder.shape.contextLength, decoder.shape.vocabularySize, 2);
      await encode(decoder, [sourceEntry(decoder.source!, 1, source)]);
      const logits = await prefill(decoder, 1, target, 0, 'all');
      const cosine = similarity(logits, model.reference.decode(model.reference.encode(source), target));
      t.ok(cosine > 0.98, `cosine of the angle between the logits: ${cosine.toFixed(4)}`);
    });
}
