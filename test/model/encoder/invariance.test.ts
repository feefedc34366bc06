import fc from 'fast-check';
import t from 'tap';
import type { EncoderOptions } from '#model/encoder/load-encoder.js';
import type { TinyModel } from '#test/support/check-decoder.js';
import { openTinyEncoder } from '#test/support/check-encoder.js';
import { encoderConfig, encoderShapes, type Family, type Head } from '#test/support/encoder-models.js';
import { asClassifier, asEmbedder } from '#test/support/models/as-encoder.js';
import { MODELS } from '#test/support/models/index.js';
import type { CaseModel } from '#test/support/models/model.js';
import { randomTensors } from '#test/support/random-tensors.js';
import { runs } from '#test/support/property-runs.js';

function encoderModel(family: Family, head: Head): TinyModel {
  const config = encoderConfig(family, head);
  return { config, tensors: randomTensors(encoderShapes(config, head, 2)) };
}

function decoderModel(name: string): CaseModel {
  return MODELS.find(model => model.name === name)!;
}

const CASES: [string, TinyModel, EncoderOptions?][] = [
  ['bert embedding', encoderModel('bert', 'Model')],
  ['bert embedding', encoderModel('bert', 'Model'), { precision: 'int8' }],
  ['bert embedding', encoderModel('bert', 'Model'), { precision: 'int4' }],
  ['roberta classifying texts', encoderModel('roberta', 'ForSequenceClassification')],
  ['mpnet classifying tokens', encoderModel('mpnet', 'ForTokenClassification')],
  ['modernbert filling masks', encoderModel('modernbert', 'ForMaskedLM')],
  [
    'modernbert classifying tokens',
    encoderModel('modernbert', 'ForTokenClassification'),
    { precision: 'int8' },
  ],
  ['gpt2 embedding', asEmbedder(decoderModel('gpt2'))],
  ['gemma2 classifying texts', asClassifier(decoderModel('gemma2'))],
  [
    'gemma3_text classifying tokens',
    asClassifier(decoderModel('gemma3_text'), 'Token'),
    { precision: 'int8' },
  ],
  ['mixtral embedding', asEmbedder(decoderModel('mixtral'))],
];

for (const [name, model, options = {}] of CASES)
  t.test(`${name} ${options.precision ?? ''}: a result does not depend on the batch`, async t => {
    const encoder = await openTinyEncoder(t, model, options);
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
