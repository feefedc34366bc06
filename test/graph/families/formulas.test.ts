/**
 * Every architecture against its formulas in float64, with heads that the graph must pad: in floats closely,
 * in 8 bits roughly.
 */
import t from 'tap';
import { checkDecoder, openDecoder, similarity } from '#test/support/check-decoder.js';
import { MODELS } from '#test/support/models/index.js';
import { randomIds } from '#test/support/random-tensors.js';
import { prefill } from '#test/support/run-decoder.js';

for (const model of MODELS) {
  t.test(model.name, async t => {
    const decoder = await openDecoder(t, model);
    await checkDecoder(t, decoder, model.reference);
  });

  for (const precision of ['int8', 'w8a8'] as const) {
    t.test(`${model.name}, ${precision}`, async t => {
      const decoder = await openDecoder(t, model, precision);
      const ids = randomIds(decoder.shape.contextLength, decoder.shape.vocabularySize, 1);
      const cosine = similarity(await prefill(decoder, 0, ids, 0, 'all'), model.reference(ids));
      t.ok(cosine > 0.99, `cosine of the angle between the logits: ${cosine.toFixed(4)}`);
    });
  }
}
