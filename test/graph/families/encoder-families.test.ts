/**
 * Families of encoders with every head that transformers has for them: see `test/fixtures/make_encoder_families.py`.
 * Its results, and formulas in float64 over the same weights, are held against the graphs.
 */
import { readdir, readFile } from 'node:fs/promises';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import t from 'tap';
import type { EncoderInput } from '#model/encoder/contract.js';
import { pooled } from '#test/reference/encoder.js';
import {
  familyMaskLogits,
  familyStates,
  familyTextLogits,
  familyTokenLogits,
} from '#test/reference/encoder-families.js';
import {
  checkEncoder,
  openTinyEncoder,
  outputError,
  type EncoderReference,
} from '#test/support/check-encoder.js';
import { fixtureFloats } from '#test/support/decoder-fixtures.js';
import type { EncoderConfig, Head } from '#test/support/encoder-models.js';
import { readSafetensors, type TestTensors } from '#test/support/safetensors.js';

const FIXTURES = fileURLToPath(new URL('../../../../test/fixtures/encoders/', import.meta.url));

interface Expected {
  readonly ids: readonly (readonly number[])[];
  readonly typeIds?: readonly (readonly number[])[];
  /** Of each text, of a model with adapters for tasks. */
  readonly tasks?: readonly number[];
  readonly heads: Readonly<Record<Head, { readonly architecture: string; readonly values: string }>>;
}

const REFERENCES: Readonly<Record<Head, (config: EncoderConfig, tensors: TestTensors) => EncoderReference>> =
  {
    Model: (config, tensors) => input => [pooled(familyStates(config, tensors, input), 'mean')],
    ForSequenceClassification: (config, tensors) => input => [familyTextLogits(config, tensors, input)],
    ForTokenClassification: (config, tensors) => input => familyTokenLogits(config, tensors, input),
    ForQuestionAnswering: (config, tensors) => input =>
      familyTokenLogits(config, tensors, input, 'qa_outputs'),
    ForMaskedLM: (config, tensors) => input => {
      const logits = familyMaskLogits(config, tensors, input);
      return input.positions!.map(position => logits[position]!);
    },
  };

/** The body's weights with those of one head. */
function withHead(all: TestTensors, head: string): TestTensors {
  const own = Object.entries(all).flatMap(([name, tensor]) => {
    const [first, second] = name.split('|') as [string, string | undefined];
    if (second === undefined) return [[name, tensor] as const];
    return first === head ? [[second, tensor] as const] : [];
  });
  return Object.fromEntries(own);
}

for (const name of await readdir(FIXTURES))
  t.test(name, async t => {
    const read = async <T>(file: string): Promise<T> =>
      JSON.parse(await readFile(path.join(FIXTURES, name, file), 'utf8')) as T;
    const config = await read<EncoderConfig>('config.json');
    const { ids, typeIds, tasks, heads } = await read<Expected>('expected.json');
    const all = await readSafetensors(path.join(FIXTURES, name, 'model.safetensors'));
    const inputs: EncoderInput[] = ids.map((text, i) => ({
      ids: text,
      typeIds: typeIds?.[i],
      task: tasks?.[i],
      positions: [text.length - 1, text.length >> 1],
    }));
    for (const head of Object.keys(heads) as Head[])
      await t.test(head, async t => {
        const { architecture, values } = heads[head];
        const tensors = withHead(all, head);
        const encoder = await openTinyEncoder(t, {
          config: { ...config, architectures: [architecture] },
          tensors,
        });
        const reference = REFERENCES[head](config, tensors);
        const wanted = fixtureFloats(values);
        const together = await encoder.run(inputs);
        let from = 0;
        for (const [i, input] of inputs.entries()) {
          const { width, rows } = together[i]!;
          const expected = Array.from({ length: rows }, (_, row) => [
            ...wanted.subarray(from + row * width, from + (row + 1) * width),
          ]);
          from += rows * width;
          const formula = { width, rows, values: Float32Array.from(reference(input).flat()) };
          const [alone] = await encoder.run([input]);
          for (const [what, output] of Object.entries({ together: together[i]!, alone: alone!, formula })) {
            const error = outputError(output, expected);
            t.ok(error < 1e-4, `${what}, text ${i}: relative error ${error.toExponential(1)}`);
          }
        }
        t.equal(from, wanted.length);
        // Heads add nothing that batches of other lengths could change.
        if (head === 'Model') await checkEncoder(t, encoder, reference);
      });
  });
