/**
 * Every family of decoders as transformers has it without a head, and with a classifier: see
 * `test/fixtures/make_encoders.py`.
 */
import { readdir } from 'node:fs/promises';
import path from 'node:path';
import t, { type Test } from 'tap';
import { SafetensorsFile } from '#graph/weights/safetensors.js';
import type { TinyModel } from '#test/support/check-decoder.js';
import { openTinyEncoder, outputError } from '#test/support/check-encoder.js';
import { DECODER_FIXTURES, fixtureFloats, readFixture } from '#test/support/decoder-fixtures.js';
import { asClassifier, asEmbedder } from '#test/support/models/as-encoder.js';
import type { TestTensor } from '#test/support/safetensors.js';

interface Expected {
  readonly ids: readonly (readonly number[])[];
  /** `[texts, hidden]` */
  readonly embedding: Result;
  /** The same with attention both ways, by each of the fields that say so. */
  readonly bothWays: readonly Result[];
  /** `[texts, labels]`; absent where transformers has no such model. */
  readonly classification?: Result & { readonly score: string };
}

interface Result {
  readonly architecture: string;
  /** What was changed in config.json. */
  readonly fields?: Readonly<Record<string, unknown>>;
  /** Float32, as base64. */
  readonly values: string;
}

async function readModel(name: string): Promise<TinyModel> {
  const file = await SafetensorsFile.open(path.join(DECODER_FIXTURES, name, 'model.safetensors'));
  const tensors: Record<string, TestTensor> = {};
  for (const [tensor, { shape }] of file.tensors)
    tensors[tensor] = { shape, values: [...(await file.read(tensor))] };
  await file.close();
  return { config: await readFixture(name, 'config.json'), tensors };
}

/** Runs all texts in one batch, and each by itself. */
async function agrees(
  t: Test,
  { config, tensors }: TinyModel,
  ids: Expected['ids'],
  { architecture, fields, values }: Result,
): Promise<void> {
  const encoder = await openTinyEncoder(t, {
    config: { ...config, ...fields, architectures: [architecture] },
    tensors,
  });
  const inputs = ids.map(text => ({ ids: text }));
  const wanted = fixtureFloats(values);
  const width = wanted.length / ids.length;
  const together = await encoder.run(inputs);
  for (const [i, input] of inputs.entries()) {
    const row = [...wanted.subarray(i * width, (i + 1) * width)];
    const [alone] = await encoder.run([input]);
    for (const output of [together[i]!, alone!]) {
      const error = outputError(output, [row]);
      t.ok(error < 1e-4, `${architecture}, text ${i}: relative error ${error.toExponential(1)}`);
    }
  }
}

/** Fixtures of families of which transformers has no classifier. */
const WITHOUT_CLASSIFIER = new Set([
  'apertus',
  'cohere',
  'cohere-head_norms',
  'cohere2',
  'codegen',
  'ernie4_5',
  'exaone',
  'gemma3n',
  'gemma4',
  'gemma4-keys',
  'glm4_moe',
  'glm4_moe-plain',
  'glm4_moe_lite',
  'granite',
  'granitemoe',
  'granitemoehybrid',
  'granitemoeshared',
  'internlm3',
  'olmoe',
  'youtu',
]);

for (const name of await readdir(DECODER_FIXTURES))
  t.test(`${name} agrees with transformers`, async t => {
    const model = await readModel(name);
    const { ids, embedding, bothWays, classification } = await readFixture<Expected>(name, 'encoder.json');
    for (const result of [embedding, ...bothWays]) await agrees(t, asEmbedder(model), ids, result);
    if (classification === undefined) {
      t.ok(WITHOUT_CLASSIFIER.has(name), 'transformers has no classifier of it');
      return;
    }
    const classifier = asClassifier(model);
    const score = {
      ...classifier.tensors['score.weight']!,
      values: [...fixtureFloats(classification.score)],
    };
    const tensors = { ...classifier.tensors, 'score.weight': score };
    await agrees(t, { ...classifier, tensors }, ids, classification);
  });
