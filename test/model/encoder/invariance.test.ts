import fc from 'fast-check';
import t from 'tap';
import type { EncoderOptions } from '#model/encoder/load-encoder.js';
import { openTinyEncoder } from '#test/support/check-encoder.js';
import { encoderConfig, encoderShapes, type Family, type Head } from '#test/support/encoder-models.js';
import { randomTensors } from '#test/support/random-tensors.js';
import { runs } from '#test/support/property-runs.js';

const CASES: [Family, Head, EncoderOptions?][] = [
  ['bert', 'Model'],
  ['bert', 'Model', { precision: 'int8' }],
  ['bert', 'Model', { precision: 'int4' }],
  ['roberta', 'ForSequenceClassification'],
  ['mpnet', 'ForTokenClassification'],
  ['modernbert', 'ForMaskedLM'],
  ['modernbert', 'ForTokenClassification', { precision: 'int8' }],
];

for (const [family, head, options = {}] of CASES)
  t.test(`${family} ${head} ${options.precision ?? ''}: a result does not depend on the batch`, async t => {
    const config = encoderConfig(family, head);
    const tensors = randomTensors(encoderShapes(config, head, 2));
    const encoder = await openTinyEncoder(t, { config, tensors }, options);
    const text = fc
      .array(fc.nat(encoder.vocabularySize - 1), { minLength: 1, maxLength: encoder.contextLength })
      .chain(ids =>
        fc.record({
          ids: fc.constant(ids),
          typeIds: fc.array(fc.nat(1), { minLength: ids.length, maxLength: ids.length }),
          positions: fc.array(fc.nat(ids.length - 1), { minLength: 1, maxLength: 3 }),
        }),
      );
    await fc.assert(
      fc.asyncProperty(fc.array(text, { minLength: 2, maxLength: 6 }), async texts => {
        const together = await encoder.run(texts);
        for (const [i, own] of texts.entries()) {
          const [alone] = await encoder.run([own]);
          if (alone!.rows !== together[i]!.rows) return false;
          // NaN must not pass.
          const close = (value: number, j: number): boolean =>
            Math.abs(value - together[i]!.values[j]!) <= 1e-5 * Math.max(1, Math.abs(value));
          if (!alone!.values.every(close)) return false;
        }
        return true;
      }),
      runs(25),
    );
  });
