import type t from 'tap';
import { hiddenStates, maskLogits, pooled, sequenceLogits, tokenLogits } from '#test/reference/encoder.js';
import { checkEncoder, openTinyEncoder, type EncoderReference } from './check-encoder.js';
import {
  encoderConfig,
  encoderShapes,
  type EncoderConfig,
  type Family,
  type Head,
} from './encoder-models.js';
import { randomTensors } from './random-tensors.js';
import type { TestTensors } from './safetensors.js';

const REFERENCES: Readonly<Record<Head, (config: EncoderConfig, tensors: TestTensors) => EncoderReference>> =
  {
    Model: (config, tensors) => input => [pooled(hiddenStates(config, tensors, input), 'mean')],
    ForSequenceClassification: (config, tensors) => input => [sequenceLogits(config, tensors, input)],
    ForTokenClassification: (config, tensors) => input => tokenLogits(config, tensors, input),
    ForQuestionAnswering: (config, tensors) => input => tokenLogits(config, tensors, input, 'qa_outputs'),
    ForMaskedLM: (config, tensors) => input => {
      const logits = maskLogits(config, tensors, input);
      return input.positions!.map(position => logits[position]!);
    },
  };

/** Checks a family with every head, and some of them with changes to config.json, against the float64 reference. */
export function checkFamily(
  test: typeof t,
  family: Family,
  changes: readonly (readonly [name: string, head: Head, fields: Readonly<Record<string, unknown>>])[] = [],
): void {
  const heads = Object.keys(REFERENCES) as Head[];
  const cases = [...heads.map(head => [head, head, {}] as const), ...changes];
  for (const [name, head, fields] of cases)
    void test.test(name, async t => {
      const labels = { id2label: { 0: 'a', 1: 'b', 2: 'c' } };
      const config = encoderConfig(family, head, { ...labels, ...fields });
      const tensors = randomTensors(encoderShapes(config, head));
      const encoder = await openTinyEncoder(t, { config, tensors });
      await checkEncoder(t, encoder, REFERENCES[head](config, tensors));
    });
}
